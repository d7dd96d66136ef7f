"""D7: a trade through better bids left them there, and a level that was told again was filled again."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs
import pytest

from perpmaker.model.event import BookChanged, BookSnapshot, MarketEvent, Traded
from perpmaker.model.order import Side
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest, SimulatedOrder, TimeInForce
from perpmaker.simulation.paper import LiveMarket
from perpmaker.simulation.rules import MARKETS

INSTRUMENT = attrs.evolve(
    MARKETS["BTC-USDT"].instrument, lot=Decimal(1), min_amount=Decimal(1), max_amount=Decimal(100_000)
)
MIDDLE = 10_000
BIDS = ((-1, 5), (-2, 6), (-3, 7))
ASKS = ((1, 5), (2, 6), (3, 7))

Levels = Sequence[tuple[int, int]]


class Venue:
    """A book of three levels a side around the middle, offsets in ticks; on SELL everything is mirrored."""

    def __init__(self, side: Side = Side.BUY) -> None:
        self.sign = side.sign
        self.side = side
        self.ms = 1_000
        self._market = LiveMarket(INSTRUMENT)
        self.exchange = Exchange(INSTRUMENT, self._market, start_ms=self.ms)
        self.exchange.open_account("a", Decimal(100_000_000))
        bids, asks = self._sides(BIDS, ASKS)
        self.tell(BookSnapshot(bids=bids, asks=asks, venue_ms=self.ms))

    def tell(self, event: MarketEvent) -> None:
        """Let an event have its effect."""
        self._market.tell(event, self.ms)
        self.exchange.advance(self.ms)

    def change(self, bids: Levels = (), asks: Levels = (), *, ago_ms: int = 0) -> None:
        """Tell a difference, made now or a little earlier."""
        self.ms += 10
        self.tell(BookChanged(*self._sides(bids, asks), self.ms - ago_ms))

    def trade(self, taker: Side, offset: int, lots: int, *, ago_ms: int = 0) -> None:
        """Tell a trade; taker and price as seen from the side of the bids."""
        self.ms += 1
        taker = taker if self.sign > 0 else taker.opposite
        self.tell(Traded(ticks=MIDDLE + offset * self.sign, lots=lots, taker=taker, venue_ms=self.ms - ago_ms))

    def place(self, side: Side, offset: int | None, lots: int) -> SimulatedOrder:
        """Place an order; without a price at market."""
        request = OrderRequest(
            side=side if self.sign > 0 else side.opposite,
            price=None if offset is None else INSTRUMENT.price(MIDDLE + offset * self.sign),
            amount=Decimal(lots),
            time_in_force=TimeInForce.IOC if offset is None else TimeInForce.GTC,
        )

        return self.exchange.place("a", request, self.ms)

    def filled(self, order: SimulatedOrder) -> int:
        """How much of an order is filled by now."""
        found = self.exchange.order("a", order_id=order.order_id)
        assert found is not None

        return found.filled_lots

    def bids(self) -> Levels:
        """The bids that are displayed (on SELL: the asks), as offsets."""
        depth = self.exchange.depth()
        levels = depth.bids if self.sign > 0 else depth.asks

        return tuple(((ticks - MIDDLE) * self.sign, lots) for ticks, lots in levels)

    def _sides(self, bids: Levels, asks: Levels) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        def at(levels: Levels) -> tuple[tuple[int, int], ...]:
            return tuple((MIDDLE + offset * self.sign, lots) for offset, lots in levels)

        return (at(bids), at(asks)) if self.sign > 0 else (at(asks), at(bids))


@pytest.mark.parametrize("side", list(Side))
def test_D7_trade_leaves_nothing_at_better_prices(side: Side) -> None:
    """Whoever sold at the third level had emptied the first and the second: nobody can sell there a moment later."""
    venue = Venue(side)
    venue.trade(Side.SELL, -3, 2)
    assert venue.bids() == ((-3, 5),)
    assert venue.filled(venue.place(Side.SELL, -2, 4)) == 0


@pytest.mark.parametrize("side", list(Side))
def test_D7_next_difference_tells_what_is_there(side: Side) -> None:
    """A level that it names is as it says, and one that it does not name is as it was told last."""
    venue = Venue(side)
    venue.trade(Side.SELL, -3, 2)
    venue.change(bids=[(-1, 0)])
    assert venue.bids() == ((-2, 6), (-3, 7))


def test_D7_difference_from_before_the_trade_brings_nothing_back() -> None:
    """It does not know of the trade; the one after it does."""
    venue = Venue()
    venue.trade(Side.SELL, -3, 2)
    venue.change(bids=[(-1, 9), (-3, 8)], ago_ms=30)
    assert venue.bids() == ((-3, 6),)
    venue.change(bids=[(-1, 0)])
    assert venue.bids() == ((-2, 6), (-3, 8))


def test_D7_trade_that_the_book_showed_already_empties_nothing() -> None:
    """What is displayed is as of after it."""
    venue = Venue()
    venue.change(bids=[(-1, 3)])
    venue.trade(Side.SELL, -3, 2, ago_ms=5)
    assert venue.bids() == ((-1, 3), (-2, 6), (-3, 7))


@pytest.mark.parametrize("side", list(Side))
def test_D7_level_that_is_told_again_fills_an_order_once(side: Side) -> None:
    """The asks move through a bid of thirty: two lots are there, and they are two however often that is said."""
    venue = Venue(side)
    order = venue.place(Side.BUY, 0, 30)
    venue.change(bids=[(-1, 0)], asks=[(-1, 2)])
    assert venue.filled(order) == 2

    for _ in range(3):
        venue.change(asks=[(-1, 2)])

    assert venue.filled(order) == 2
    venue.change(asks=[(-1, 6)])
    assert venue.filled(order) == 6


def test_D7_level_that_was_gone_is_new_when_it_comes_back() -> None:
    """What was taken went with it."""
    venue = Venue()
    order = venue.place(Side.BUY, 0, 30)
    venue.change(bids=[(-1, 0)], asks=[(-1, 2)])
    venue.change(asks=[(-1, 0)])
    venue.change(asks=[(-1, 2)])
    assert venue.filled(order) == 4


@pytest.mark.parametrize("side", list(Side))
def test_D7_market_orders_take_a_level_once(side: Side) -> None:
    """The venue repeats what it shows; three sales do not sell the same five lots three times."""
    venue = Venue(side)
    sold = 0

    for _ in range(3):
        sold += venue.filled(venue.place(Side.SELL, -1, 5))
        venue.exchange.cancel_all("a", venue.ms)
        venue.change(bids=[(-1, 5)])

    assert sold == 5


def test_D7_what_is_left_of_a_shrinking_level_is_never_more_than_it_shows() -> None:
    """Three of five were taken; of four there is one left, of two none, and of six again four."""
    venue = Venue()
    venue.place(Side.SELL, -1, 3)
    seen = []

    for told in (4, 2, 6):
        venue.change(bids=[(-1, told)])
        seen.append(dict(venue.bids()).get(-1, 0))

    assert seen == [1, 0, 4]


def test_D7_order_that_was_traded_through_is_filled_once_by_one_trade() -> None:
    """The trade gives it what was traded; the difference that shows its effect gives it nothing more."""
    venue = Venue()
    order = venue.place(Side.BUY, -1, 30)
    venue.trade(Side.SELL, -2, 4)
    assert venue.filled(order) == 4
    venue.change(bids=[(-1, 0), (-2, 3)])
    assert venue.filled(order) == 4
    venue.trade(Side.SELL, -1, 3)
    assert venue.filled(order) == 7
