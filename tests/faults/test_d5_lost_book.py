"""D5: a lost book moved resting orders to the front of the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import attrs
import pytest

from perpmaker.clock import SystemClock
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarkChanged, MarketEvent, Traded
from perpmaker.model.order import Side
from perpmaker.paper.venue import ACCOUNT, PaperVenue
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest
from perpmaker.simulation.paper import LiveMarket
from perpmaker.simulation.rules import MARKETS

INSTRUMENT = attrs.evolve(
    MARKETS["BTC-USDT"].instrument, lot=Decimal(1), min_amount=Decimal(1), max_amount=Decimal(100_000)
)
BID, ASK = 9_999, 10_001
NOW_MS = 1_000


class Paper:
    """A market that is told event by event, with one account; prices in ticks, mirrored for the side of the asks."""

    def __init__(self, side: Side = Side.BUY) -> None:
        self.side = side
        self._market = LiveMarket(INSTRUMENT)
        self._exchange = Exchange(INSTRUMENT, self._market, start_ms=NOW_MS)
        self._exchange.open_account("a", Decimal(100_000_000))
        self._ms = NOW_MS

    def tell(self, event: MarketEvent) -> None:
        """Let an event of the venue have its effect."""
        self._market.tell(event, self._ms)
        self._exchange.advance(self._ms)

    def snapshot(self, *levels: tuple[int, int]) -> None:
        """Tell a whole book; the other side has one level far away."""
        self._ms += 10
        ours, other = self._mirrored(levels), self._mirrored([(ASK + 100, 1)])
        bids, asks = (ours, other) if self.side is Side.BUY else (other, ours)
        self.tell(BookSnapshot(bids=bids, asks=asks, venue_ms=self._ms))

    def change(self, *levels: tuple[int, int]) -> None:
        """Tell a difference on the side of the order."""
        self._ms += 10
        ours = self._mirrored(levels)
        self.tell(BookChanged(ours, (), self._ms) if self.side is Side.BUY else BookChanged((), ours, self._ms))

    def lose(self) -> None:
        """Lose the book."""
        self.tell(BookLost(reason="a gap"))

    def trade(self, ticks: int, lots: int, *, ago_ms: int = -1) -> None:
        """Somebody takes from the side of the order."""
        ((mirrored, _),) = self._mirrored([(ticks, 1)])
        self.tell(Traded(ticks=mirrored, lots=lots, taker=self.side.opposite, venue_ms=self._ms - ago_ms))

    def place(self, ticks: int, lots: int) -> Callable[[], int]:
        """Place an order now; returns what tells how much of it is filled."""
        ((mirrored, _),) = self._mirrored([(ticks, 1)])
        request = OrderRequest(side=self.side, price=INSTRUMENT.price(mirrored), amount=Decimal(lots))
        order_id = self._exchange.place("a", request, self._ms).order_id

        def filled() -> int:
            order = self._exchange.order("a", order_id=order_id)
            assert order is not None

            return order.filled_lots

        return filled

    def _mirrored(self, levels: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        return tuple(levels if self.side is Side.BUY else [(BID + ASK - ticks, lots) for ticks, lots in levels])


@pytest.mark.each_value
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("losses", [1, 3])
def test_D5_order_keeps_its_place_over_a_loss(side: Side, losses: int) -> None:
    """Five thousand before it are five thousand after it, however often the book is lost: three lots reach nobody."""
    paper = Paper(side)
    paper.snapshot((BID, 5_000))
    filled = paper.place(BID, 2)

    for _ in range(losses):
        paper.lose()

    paper.snapshot((BID, 5_000))
    paper.trade(BID, 3)
    assert filled() == 0
    paper.trade(BID, 4_998)
    assert filled() == 1


def test_D5_place_is_no_further_back_than_what_the_snapshot_displays() -> None:
    """More that is displayed came later; less is what is left of those before it."""
    for displayed, ahead in [(9_000, 5_000), (5_000, 5_000), (20, 20), (0, 0)]:
        paper = Paper()
        paper.snapshot((BID, 5_000))
        filled = paper.place(BID, 2)
        paper.lose()
        paper.snapshot((BID, displayed), (BID - 1, 7))

        if ahead:
            paper.trade(BID, ahead)

        assert filled() == 0
        paper.trade(BID, 1)
        assert filled() == 1


def test_D5_order_of_the_time_without_a_book_stands_behind_all_that_comes_to_light() -> None:
    """Nobody knows who was there when it was placed."""
    paper = Paper()
    paper.snapshot((BID, 5_000))
    paper.lose()
    filled = paper.place(BID, 2)
    paper.snapshot((BID, 40))
    paper.trade(BID, 40)
    assert filled() == 0
    paper.trade(BID, 1)
    assert filled() == 1


def test_D5_part_of_the_queue_that_was_traded_before_the_loss_counts() -> None:
    """What trades took before the loss is not before the order afterwards."""
    paper = Paper()
    paper.snapshot((BID, 50))
    filled = paper.place(BID, 2)
    paper.trade(BID, 30)
    paper.lose()
    paper.snapshot((BID, 500))
    paper.trade(BID, 20)
    assert filled() == 0
    paper.trade(BID, 1)
    assert filled() == 1


def test_D5_trade_from_before_the_snapshot_moves_nothing_forward() -> None:
    """It is of the time when the book was not known, and what it took is gone from the snapshot already."""
    paper = Paper()
    paper.snapshot((BID, 50))
    filled = paper.place(BID, 2)
    paper.lose()
    paper.snapshot((BID, 20))
    paper.trade(BID, 30, ago_ms=5)
    paper.trade(BID, 20)
    assert filled() == 0
    paper.trade(BID, 2)
    assert filled() == 2


def test_D5_what_left_during_the_loss_explains_no_later_trade() -> None:
    """Thirty left unseen; a trade told late, made after the snapshot, takes from the twenty that were left."""
    paper = Paper()
    paper.snapshot((BID, 50))
    filled = paper.place(BID, 2)
    paper.lose()
    paper.snapshot((BID, 20))
    paper.change((BID, 8))
    paper.trade(BID, 12, ago_ms=5)
    paper.trade(BID, 8)
    assert filled() == 0
    paper.trade(BID, 1)
    assert filled() == 1


def test_D5_level_that_an_account_emptied_is_not_there_anew_after_a_loss() -> None:
    """The snapshot tells the same seven lots again: they were taken."""
    paper = Paper()
    paper.snapshot((BID, 1), (BID - 1, 7))
    taken = OrderRequest(side=Side.SELL, price=INSTRUMENT.price(BID - 1), amount=Decimal(8))
    paper._exchange.place("a", taken, paper._ms)
    paper.lose()
    paper.snapshot((BID - 1, 7), (BID - 2, 5))
    assert paper._exchange.best(Side.BUY) == (BID - 2, 5)


def test_D5_order_on_paper_from_before_the_first_snapshot_stands_behind_it() -> None:
    """A paper account that begins does not know the book either."""
    venue = PaperVenue(INSTRUMENT, Decimal(100_000_000), SystemClock())
    price = INSTRUMENT.price(BID)
    venue.hear(MarkChanged(mark=price, index=price, funding_rate=Decimal(0), next_funding_ms=None, venue_ms=1_000))
    request = OrderRequest(side=Side.BUY, price=price, amount=Decimal(2))
    venue.exchange.place(ACCOUNT, request, venue.now_ms())
    venue.hear(BookSnapshot(bids=((BID, 40),), asks=((ASK, 40),), venue_ms=1_000))
    venue.hear(Traded(ticks=BID, lots=41, taker=Side.SELL, venue_ms=1_001))
    assert [execution.amount for execution in venue.exchange.executions(ACCOUNT)] == [1]
