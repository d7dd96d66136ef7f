"""Tests of the lines by which a person follows the money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.execution.action import Action, Cancel, Place
from perpmaker.model.command_event import OrderAccepted
from perpmaker.model.event import Event, OrderFilled, Resynced
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.runtime.activity_log import ActivityLog
from perpmaker.simulation.rules import MARKETS
from perpmaker.testing.view import make_account

FILL = Fill(
    client_id="pm-a-1-1",
    venue_id="7",
    trade_id="t1",
    side=Side.BUY,
    position_side=PositionSide.NET,
    price=Decimal("59969.50"),
    amount=Decimal("0.010"),
    fee=Decimal("0.11993900"),
    fee_asset="USDT",
    maker=True,
    realized_pnl=Decimal("0.00"),
    venue_ms=1,
)


class Known:
    """Knows two orders of this run, a quote and a target, and a target of an earlier one."""

    def kind(self, client_id: str) -> OrderKind | None:
        """What they are for."""
        return OrderKind.TAKE_PROFIT if client_id == "pm-0-1" else self.kind_in_this_run(client_id)

    def kind_in_this_run(self, client_id: str) -> OrderKind | None:
        """What they are for."""
        return {"pm-a-1-1": OrderKind.QUOTE, "pm-a-1-2": OrderKind.TAKE_PROFIT}.get(client_id)


@pytest.fixture
def activity_log() -> ActivityLog:
    """A diary of BTC-USDT."""
    known: Any = Known()

    return ActivityLog(instrument=MARKETS["BTC-USDT"].instrument, known=known)


def texts(activity_log: ActivityLog, events: Sequence[Event], actions: Iterable[Action], now: float) -> list[str]:
    """The lines that a person is told."""
    return [one.text for one in activity_log.activities(events, actions, now) if one.is_told]


def placed(kind: OrderKind, ticks: int | None, order_type: OrderType) -> Place:
    """An order that goes out: sell 10 lots."""
    return Place(
        order=NewOrder(client_id="pm-a-1-9", slot=Slot(kind, Side.SELL), lots=10, ticks=ticks, type=order_type)
    )


def test_an_execution_is_told_once_whoever_tells_it_first(activity_log: ActivityLog) -> None:
    """Stream, repetition and account reading are one line; the other side of a trade with ourselves is another."""
    event = OrderFilled(fill=FILL)
    reading = Resynced(began_at=0.0, orders=(), finished=(), fills=(FILL,), account=make_account(), venue_ms=2)

    assert texts(activity_log, [event, event, reading], (), 1.0) == ["quote: bought 0.01 at 59969.5, fee 0.119939 USDT"]

    other = attrs.evolve(FILL, client_id="pm-a-1-2", side=Side.SELL, realized_pnl=Decimal("0.3"))
    assert texts(activity_log, [OrderFilled(fill=other)], (), 2.0) == [
        "target: sold 0.01 at 59969.5, +0.3000 USDT, fee 0.119939 USDT"
    ]


def test_other_peoples_executions_are_not_told(activity_log: ActivityLog) -> None:
    """A trade by hand is not this run's money."""
    assert texts(activity_log, [OrderFilled(fill=attrs.evolve(FILL, client_id="web-1"))], (), 1.0) == []


def test_a_target_that_was_taken_over_is_told_when_it_fills(activity_log: ActivityLog) -> None:
    """It counts in the summary; what the first reading finds is told as missed, and repeated by every later one."""
    missed = attrs.evolve(FILL, client_id="pm-0-1", trade_id="t0")
    reading = Resynced(began_at=0.0, orders=(), finished=(), fills=(missed,), account=make_account(), venue_ms=2)
    assert texts(activity_log, [OrderFilled(fill=missed), reading, reading], (), 1.0) == []

    assert texts(activity_log, [OrderFilled(fill=attrs.evolve(missed, trade_id="t1"))], (), 2.0) == [
        "target: bought 0.01 at 59969.5, fee 0.119939 USDT"
    ]


@pytest.mark.parametrize(
    ("action", "line"),
    [
        (placed(OrderKind.TAKE_PROFIT, 599_995, OrderType.LIMIT), "target placed: sell 0.01 at 59999.5"),
        (placed(OrderKind.VENUE_STOP, 590_000, OrderType.VENUE_STOP), "stop on the venue placed: sell all at 59000"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (placed(OrderKind.STOP_LOSS, None, OrderType.MARKET), "STOP LOSS placed: sell 0.01 at market"),
                (placed(OrderKind.CLOSE, None, OrderType.MARKET), "close placed: sell 0.01 at market"),
            )
        ),
    ],
)
def test_closing_orders_are_told_once_the_venue_has_them(activity_log: ActivityLog, action: Place, line: str) -> None:
    """Each kind has its own name, and a market order no price; the answer and the stream are one line."""
    taken = OrderAccepted(client_id=action.order.client_id, venue_id="9", venue_ms=3)
    assert texts(activity_log, (), (action,), 1.0) == []
    assert texts(activity_log, (taken, taken), (), 1.1) == [line]


def test_quotes_and_cancels_are_not_told(activity_log: ActivityLog) -> None:
    """Quotes come and go many times a minute: the live line shows them."""
    quote = placed(OrderKind.QUOTE, 600_000, OrderType.POST_ONLY)
    cancel = Cancel(client_id="pm-a-1-1", venue_id="7", kind=OrderKind.TAKE_PROFIT)

    assert texts(activity_log, (), (quote, cancel), 1.0) == []


def test_a_closing_order_that_is_sent_again_and_again_is_told_once_a_minute(activity_log: ActivityLog) -> None:
    """One that is placed again and again as it was does not fill the log; a changed one is told at once."""
    action = placed(OrderKind.TAKE_PROFIT, 599_995, OrderType.LIMIT)
    other = placed(OrderKind.TAKE_PROFIT, 599_996, OrderType.LIMIT)
    taken = OrderAccepted(client_id="pm-a-1-9", venue_id="9", venue_ms=3)

    def place(action: Place, now: float) -> list[str]:
        texts(activity_log, (), (action,), now)

        return texts(activity_log, (taken,), (), now)

    assert [now for now in range(0, 120, 2) if place(action, float(now))] == [0, 60]
    assert place(other, 119.0) == ["target placed: sell 0.01 at 59999.6"]
