"""Own orders: every piece of evidence, in whatever order it comes."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker.model.event import OrderAccepted, OrderAmended
from perpmaker.model.order import (
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Slot,
    WorkingOrder,
)
from perpmaker.state.orders import Orders
from perpmaker.state.own_depth import OwnDepth

TARGET = NewOrder(
    client_id="pm-1",
    slot=Slot(OrderKind.TAKE_PROFIT, Side.SELL),
    lots=5,
    ticks=100,
    type=OrderType.LIMIT,
    reduce_only=True,
)
QUOTE = NewOrder(client_id="pm-1", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=5, ticks=90, type=OrderType.POST_ONLY)


def report(order: NewOrder, venue_ms: int = 10, **changes: Any) -> OrderReport:
    """The order as the venue shows it: open and whole, unless changed."""
    facts: dict[str, Any] = {
        "client_id": order.client_id,
        "venue_id": "7",
        "side": order.side,
        "position_side": PositionSide.NET,
        "status": OrderStatus.OPEN,
        "raw_status": "NEW",
        "ticks": order.ticks,
        "lots": order.lots,
        "filled_lots": 0,
        "reduce_only": order.reduce_only,
        "type": order.type,
        "venue_ms": venue_ms,
    }

    return OrderReport(**{**facts, **changes})


def placed(order: NewOrder) -> tuple[Orders, OwnDepth]:
    """An order that the venue has taken, and the depth that the book leaves out."""
    depth = OwnDepth()
    orders = Orders(depth, fence_s=3.0)
    orders.place(order, 0.0)
    orders.accepted(OrderAccepted(client_id=order.client_id, venue_id="7", venue_ms=0, by_stream=True), 0.0)

    return orders, depth


def only(orders: Orders) -> WorkingOrder:
    """The one live order."""
    (working,) = orders.working()

    return working


# --- amounts that the venue cut ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_stream", [True, False])
def test_a_smaller_amount_than_was_asked_for_is_taken_over(*, by_stream: bool) -> None:
    """A venue cuts closing orders to the position: what rests is what it says, not what was sent."""
    orders, depth = placed(TARGET)
    orders.reported(report(TARGET, lots=3, filled_lots=1), 1.0, by_stream=by_stream)

    assert (only(orders).order.lots, only(orders).remaining_lots) == (3, 2)
    depth.reached_ms = 10
    depth.catch_up(1.0)
    assert depth.lots[Side.SELL.sign] == {100: 2}


def test_an_older_report_does_not_restore_the_amount() -> None:
    """Of two words of the same millisecond the smaller amount is the newer one: venues only cut."""
    orders, _ = placed(TARGET)
    orders.amended(OrderAmended(client_id="pm-1", ticks=100, lots=3, venue_ms=20), 1.0)
    orders.reported(report(TARGET, venue_ms=10), 1.0)
    orders.reported(report(TARGET, venue_ms=20), 1.0)
    orders.amended(OrderAmended(client_id="pm-1", ticks=101, lots=5, venue_ms=15), 1.0)

    assert (only(orders).order.ticks, only(orders).order.lots) == (100, 3)


def test_a_cut_order_that_fills_is_filled() -> None:
    """Filled means the amount that was left to it."""
    orders, _ = placed(TARGET)
    orders.reported(report(TARGET, lots=3, filled_lots=3, status=OrderStatus.FILLED), 1.0)

    assert orders.finished["pm-1"].working.status is OrderStatus.FILLED


def test_an_adopted_order_is_as_it_rests() -> None:
    """What an earlier run sent and what is left of it on the venue are two things."""
    orders = Orders(OwnDepth(), fence_s=3.0)
    orders.adopt(TARGET, report(TARGET, lots=3, ticks=99, filled_lots=1), 0.0)

    assert (only(orders).order.ticks, only(orders).remaining_lots) == (99, 2)
