"""A trader that keeps what has not changed decides as one whose strategy and exits begin anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action, Cancel, Place
from perpmaker.exits.exits import Exits
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.client_id import TextIds
from perpmaker.model.command_event import CancelRefused, OrderAccepted, OrderRefused
from perpmaker.model.event import (
    BookSnapshot,
    Channel,
    Event,
    MarkChanged,
    OrderCancelled,
    OrderFilled,
    Resynced,
    StreamRestored,
)
from perpmaker.model.order import CancelCause, Fill, NewOrder, PositionSide
from perpmaker.model.quote import Wanted, WantedExits
from perpmaker.model.reading import AccountReported
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import View
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.view import make_account, make_instrument

INSTRUMENT = make_instrument()
SETTINGS = StrategySettings(
    bid_spread=Decimal("0.001"),
    ask_spread=Decimal("0.001"),
    order_amount=Decimal("0.01"),
    order_refresh_time=3.0,
    order_levels=2,
    order_level_spread=Decimal("0.001"),
    filled_order_delay=2.0,
)
EXITS = ExitSettings(
    long_profit_taking_spread=Decimal("0.002"),
    short_profit_taking_spread=Decimal("0.002"),
    stop_loss_spread=Decimal("0.01"),
)
STEPS = ("wait", "move", "answer", "answer", "answer all", "answer all", "fill", "mark", "capital", "refuse")


class Forgetful:
    """Strategy and exits that keep nothing from one decision to the next but their memories."""

    def decide(self, view: View) -> Wanted:
        """The same view gives the same answer, whoever is asked."""
        wanted = PerpetualMarketMaking(SETTINGS, INSTRUMENT).decide(view)

        return attrs.evolve(wanted, stands_once_placed=False)


class ForgetfulExits:
    """The same of exits."""

    def decide(self, view: View) -> WantedExits:
        """The same view gives the same answer, whoever is asked."""
        return Exits(EXITS, INSTRUMENT).decide(view)


class Desk:
    """Two traders of which one keeps what it can, and a venue that answers both alike."""

    def __init__(self) -> None:
        keeping = (PerpetualMarketMaking(SETTINGS, INSTRUMENT), Exits(EXITS, INSTRUMENT))
        self.traders = [
            Trader(
                instrument=INSTRUMENT,
                strategy=strategy,
                exits=exits,
                client_ids=TextIds("kept", "r1"),
                leverage=3,
                fence_s=3.0,
            )
            for strategy, exits in (keeping, (Forgetful(), ForgetfulExits()))
        ]
        self.now, self.ms, self.middle = 0.0, 1_000, 10_000
        self.unanswered: list[Action] = []
        self.resting: dict[str, NewOrder] = {}
        self.tell([StreamRestored(channel=Channel.ACCOUNT)])
        account = make_account(wallet="1000000")
        self.tell(
            [Resynced(began_at=0.0, orders=(), finished=(), fills=(), account=account, venue_ms=self.ms), self.book()]
        )

    def tell(self, events: Sequence[Event]) -> None:
        """Both decide the same."""
        kept, anew = (trader.handle(events, self.now) for trader in self.traders)
        assert told(kept) == told(anew)
        self.unanswered += [action for action in kept.actions if isinstance(action, Place | Cancel)]

    def step(self, kind: str, size: int) -> None:
        """One thing that happens."""
        self.ms += 1
        count = len(self.unanswered) if kind.endswith("all") else size % 3

        if kind == "wait":
            self.now += size / 4
            self.tell([self.book()] if size % 2 else [])
        elif kind == "move":
            self.middle += 3 * size - 10
            self.tell([self.book()])
        elif kind.startswith("answer"):
            due, self.unanswered = self.unanswered[:count], self.unanswered[count:]
            self.tell([event for action in due for event in self.answer(action)])
        elif kind == "fill" and self.resting:
            self.tell([self.fill(list(self.resting)[size % len(self.resting)])])
        elif kind == "mark":
            self.tell(
                [
                    MarkChanged(
                        mark=INSTRUMENT.price(self.middle),
                        index=None,
                        funding_rate=None,
                        next_funding_ms=None,
                        venue_ms=self.ms,
                    )
                ]
            )
        elif kind == "capital":
            self.tell([AccountReported(account=make_account(wallet=str(100 * size), asked_at=self.now))])
        elif kind == "refuse" and self.unanswered:
            self.tell([self.refuse(self.unanswered.pop(0))])

    def answer(self, action: Action) -> Sequence[Event]:
        """The venue does what it was asked for; of an order that is gone it says nothing more."""
        self.ms += 1

        if isinstance(action, Place):
            self.resting[action.order.client_id] = action.order
            name = action.order.client_id

            return [OrderAccepted(client_id=name, venue_id=name, venue_ms=self.ms, by_stream=self.ms % 3 > 0)]

        if isinstance(action, Cancel) and self.resting.pop(action.client_id, None) is not None:
            cause = CancelCause.REQUESTED

            return [OrderCancelled(client_id=action.client_id, cause=cause, filled_lots=0, venue_ms=self.ms)]

        return []

    def refuse(self, action: Action) -> Event:
        """The venue does not do it."""
        refusal = Refusal(reason=RefusalReason.OTHER)

        if isinstance(action, Place):
            return OrderRefused(client_id=action.order.client_id, refusal=refusal)

        assert isinstance(action, Cancel)

        return CancelRefused(client_id=action.client_id, refusal=refusal)

    def fill(self, client_id: str) -> Event:
        """A resting order is filled completely."""
        order = self.resting.pop(client_id)
        price = INSTRUMENT.price(order.ticks or self.middle)

        return OrderFilled(
            fill=Fill(
                client_id=client_id,
                venue_id=client_id,
                trade_id=str(self.ms),
                side=order.side,
                position_side=PositionSide.NET,
                price=price,
                amount=INSTRUMENT.amount(order.lots),
                fee=Decimal(0),
                fee_asset="USDT",
                maker=True,
                realized_pnl=None,
                venue_ms=self.ms,
                filled_lots=order.lots,
            )
        )

    def book(self) -> BookSnapshot:
        """Two levels a side around the middle."""
        self.ms += 1

        return BookSnapshot(
            bids=((self.middle - 1, 500), (self.middle - 2, 500)),
            asks=((self.middle + 1, 500), (self.middle + 2, 500)),
            venue_ms=self.ms,
        )


def told(decision: Decision) -> object:
    """What a decision comes to.

    When it is looked at again may be another moment where more is kept, and the chain that ends in a level's being
    withheld begins with the reference of then.
    """
    wanted, exits = decision.wanted, decision.exits

    return (
        decision.actions,
        decision.notices,
        (decision.mode, decision.mode_reason),
        (decision.quotes, decision.refused),
        None if wanted is None else (wanted.quotes, [(one.slot, one.reasons[-1]) for one in wanted.withheld]),
        None if exits is None else (exits.exits, exits.withheld, exits.awaited, exits.no_quotes_for),
    )


@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 7)), max_size=40))
def test_what_is_kept_changes_no_decision(steps: list[tuple[str, int]]) -> None:
    """Fills, moves, refusals and answers that come apart: every decision is that of a trader that keeps nothing."""
    desk = Desk()

    for kind, size in steps:
        desk.step(kind, size)


def test_a_whole_refresh_is_decided_three_times_alike() -> None:
    """Cancelled, placed and taken: the steps of which most is kept."""
    desk = Desk()
    desk.step("answer all", 0)

    for _ in range(5):
        desk.step("wait", 12)
        desk.step("move", 7)
        desk.step("answer all", 0)
        desk.step("answer all", 0)
        desk.step("answer all", 0)

    assert len(desk.resting) == 4
    assert not desk.unanswered
