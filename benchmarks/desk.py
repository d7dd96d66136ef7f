"""A trader with the strategy that ships, and a venue that takes everything: what a decision is measured with."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from time import perf_counter

import attrs

from benchmarks.depth import INSTRUMENT, MIDDLE
from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Cancel, Place
from perpmaker.exits.exits import Exits
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.client_id import TextIds
from perpmaker.model.command_event import OrderAccepted
from perpmaker.model.event import BookChanged, BookSnapshot, Channel, Event, OrderCancelled, Resynced, StreamRestored
from perpmaker.model.order import CancelCause, PositionSide
from perpmaker.model.position import Balance, Position
from perpmaker.model.quote import Wanted
from perpmaker.model.reading import AccountReported
from perpmaker.state.view import View
from perpmaker.strategy.interface import Strategy
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings

REFRESH_S = 5.0
STEP = 200

_STRATEGY = StrategySettings(
    bid_spread=Decimal("0.001"),
    ask_spread=Decimal("0.001"),
    order_amount=Decimal("0.01"),
    order_refresh_time=REFRESH_S,
    order_level_spread=Decimal("0.001"),
)
_EXITS = ExitSettings(
    long_profit_taking_spread=Decimal("0.01"),
    short_profit_taking_spread=Decimal("0.01"),
    stop_loss_spread=Decimal("0.02"),
)


@attrs.define
class Watched:
    """The strategy that ships, with `levels` a side refreshed every five seconds; knows what its last one took."""

    levels: int = 5
    strategy: Strategy = attrs.field(default=attrs.Factory(lambda self: _strategy(self.levels), takes_self=True))
    took_s: float = 0.0

    def decide(self, view: View) -> Wanted:
        """Decide as it does."""
        began = perf_counter()
        wanted = self.strategy.decide(view)
        self.took_s = perf_counter() - began

        return wanted


def _strategy(levels: int) -> Strategy:
    return PerpetualMarketMaking(attrs.evolve(_STRATEGY, order_levels=levels), INSTRUMENT)


def make_trader(strategy: Strategy) -> Trader:
    """A trader with this strategy and the exits that ship."""
    return Trader(
        instrument=INSTRUMENT,
        strategy=strategy,
        exits=Exits(_EXITS, INSTRUMENT),
        client_ids=TextIds("bench", "r1"),
        leverage=3,
        fence_s=3.0,
    )


@attrs.define
class Desk:
    """Drives a trader from one refresh to the next; the middle of the book moves to and fro in between."""

    watched: Watched = attrs.field(factory=Watched)
    trader: Trader = attrs.field(default=attrs.Factory(lambda self: make_trader(self.watched), takes_self=True))
    now: float = 0.0
    venue_ms: int = 1_000
    middle: int = MIDDLE

    def open(self) -> None:
        """Read the account and the book; the first quotes rest."""
        account = Resynced(
            began_at=self.now,
            orders=(),
            finished=(),
            fills=(),
            account=self._account(),
            venue_ms=self.venue_ms,
        )
        self.trader.handle([StreamRestored(channel=Channel.ACCOUNT)], self.now)
        self.settle(self.trader.handle([account, self._book()], self.now))

    def move(self) -> None:
        """Go to the moment of the next refresh, by when the market has moved by more than any level's distance."""
        self.now += REFRESH_S
        self.venue_ms += 1
        self.middle += STEP if self.middle <= MIDDLE else -STEP
        self.trader.handle([AccountReported(account=self._account()), self._book()], self.now - 1e-6)

    def settle(self, decision: Decision) -> None:
        """The venue takes everything, until nothing is sent any more."""
        while decision.actions:
            decision = self.trader.handle(self.answers(decision), self.now)

    def answers(self, decision: Decision) -> Sequence[Event]:
        """What the venue says to what was sent."""
        return [event for action in decision.actions for event in self._answer(action)]

    def difference(self) -> BookChanged:
        """A change of the book that no decision depends on."""
        return BookChanged(((self.middle - 9, 7),), ((self.middle + 9, 7),), self.venue_ms)

    def _answer(self, action: object) -> Sequence[Event]:
        self.venue_ms += 1

        match action:
            case Place(order=order):
                name = order.client_id
                return [OrderAccepted(client_id=name, venue_id=name, venue_ms=self.venue_ms, by_stream=True)]
            case Cancel(client_id=name):
                cause = CancelCause.REQUESTED
                return [OrderCancelled(client_id=name, cause=cause, filled_lots=0, venue_ms=self.venue_ms)]
            case _:
                return []

    def _account(self) -> AccountSnapshot:
        """A flat account with plenty of money; a picture of it that is old is not quoted from."""
        wallet = Decimal(10_000_000)

        return AccountSnapshot(
            positions=(Position(side=PositionSide.NET, venue_ms=self.venue_ms),),
            assets=(Balance(asset="USDT", wallet=wallet, available=wallet),),
            available=wallet,
            asked_at=self.now,
        )

    def _book(self) -> BookSnapshot:
        return BookSnapshot(
            bids=tuple((self.middle - distance, 100) for distance in range(1, 101)),
            asks=tuple((self.middle + distance, 100) for distance in range(1, 101)),
            venue_ms=self.venue_ms,
        )
