"""Own orders: every piece of evidence, in whatever order it comes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.command_event import Command, OrderAccepted, OrderNotFound, OrderRefused, OrderUnknown
from perpmaker.model.event import OrderAmended, OrderCancelled
from perpmaker.model.order import (
    CancelCause,
    Fill,
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.closed_orders import CAPACITY
from perpmaker.state.orders import Orders
from perpmaker.state.own_depth import OwnDepth
from perpmaker.state.view import End

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


def fill(lots: int, cumulative: int | None) -> Fill:
    """An execution of order pm-1."""
    return Fill(
        client_id="pm-1",
        venue_id="7",
        trade_id="1",
        side=Side.BUY,
        position_side=PositionSide.NET,
        price=Decimal(9),
        amount=Decimal(lots),
        fee=Decimal(0),
        fee_asset="USDT",
        maker=True,
        realized_pnl=None,
        venue_ms=9,
        filled_lots=cumulative,
    )


def sent(order: NewOrder) -> tuple[Orders, OwnDepth]:
    """An order in flight, and the depth that the book leaves out."""
    depth = OwnDepth()
    orders = Orders(depth, fence_s=3.0)
    orders.place(order, 0.0)

    return orders, depth


def placed(order: NewOrder) -> tuple[Orders, OwnDepth]:
    """An order that the venue has taken, and the depth that the book leaves out."""
    orders, depth = sent(order)
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


# --- orders that ended -----------------------------------------------------------------------------------------------


def test_an_order_that_never_was_and_then_did_fill_blocks_nothing_once_its_fill_is_here() -> None:
    """Cancelled with an executed part, by a late word: the fill settles it, and it does not live again."""
    orders, _ = sent(QUOTE)
    orders.unknown(OrderUnknown(client_id="pm-1", command=Command.PLACE, detail="lost", fence_at=3.0), 0.0)
    orders.not_found(OrderNotFound(client_id="pm-1", asked_at=3.0), 3.0)
    assert orders.finished["pm-1"].end is End.NEVER_WAS
    orders.cancelled(OrderCancelled(client_id="pm-1", cause=CancelCause.VENUE, filled_lots=2, venue_ms=9), 4.0)
    before = orders.is_blocked
    orders.filled(fill(2, 2), 2, 5.0)

    assert (before, orders.is_blocked) == (True, False)
    assert not orders.live


def test_an_order_that_never_was_and_is_then_shown_lives() -> None:
    """It is open until it is asked for."""
    orders, _ = sent(QUOTE)
    orders.unknown(OrderUnknown(client_id="pm-1", command=Command.PLACE, detail="lost", fence_at=3.0), 0.0)
    orders.not_found(OrderNotFound(client_id="pm-1", asked_at=3.0), 3.0)
    orders.filled(fill(2, 2), 2, 4.0)

    assert (only(orders).status, only(orders).filled_lots) == (OrderStatus.OPEN, 2)
    assert not orders.is_blocked


def test_F08_cancels_without_an_answer_do_not_put_off_the_proof_that_an_order_never_was() -> None:
    """No cancel can bring an order that is lost: its own fence stands, however many cancels are lost after it."""
    orders = Orders(OwnDepth(), fence_s=3.0)
    orders.place(QUOTE, 0.0)
    orders.unknown(OrderUnknown(client_id="pm-1", command=Command.PLACE, detail="lost", fence_at=3.0), 0.0)

    for at in (0.5, 2.5):
        orders.cancel("pm-1", at)
        orders.unknown(OrderUnknown(client_id="pm-1", command=Command.CANCEL, detail="lost", fence_at=at + 3.0), at)

    orders.not_found(OrderNotFound(client_id="pm-1", asked_at=2.9), 2.9)
    assert orders.live["pm-1"].working.status is OrderStatus.UNKNOWN
    orders.not_found(OrderNotFound(client_id="pm-1", asked_at=3.1), 3.1)
    assert orders.finished["pm-1"].end is End.NEVER_WAS


def test_I17_ended_orders_are_remembered_up_to_a_number() -> None:
    """A week of quotes does not fill the memory."""
    orders = Orders(OwnDepth(), fence_s=3.0)

    for number in range(CAPACITY + 100):
        order = attrs.evolve(QUOTE, client_id=f"pm-{number}")
        orders.place(order, 0.0)
        orders.refused(OrderRefused(client_id=order.client_id, refusal=Refusal(reason=RefusalReason.OTHER)), 0.0)

    assert len(orders.finished) == CAPACITY
    assert f"pm-{CAPACITY + 99}" in orders.finished


@pytest.mark.parametrize(("by_venue", "end"), [(True, End.VENUE), (False, End.UNEXPLAINED)])
def test_a_report_tells_the_venue_s_doing_from_a_person_s(by_venue: bool, end: End) -> None:
    """A post-only order that would have taken, first seen gone when it was asked for, is nobody's cancel."""
    orders, _ = sent(QUOTE)
    orders.reported(report(QUOTE, status=OrderStatus.CANCELLED, raw_status="EXPIRED", ended_by_venue=by_venue), 1.0)

    assert orders.endings.by_slot[QUOTE.slot].end is end


def test_what_is_forgiven_blocks_no_longer() -> None:
    """A fill that was announced and that a later reading of the account does not tell is not waited for any more."""
    orders, _ = placed(QUOTE)
    orders.cancelled(OrderCancelled(client_id="pm-1", cause=CancelCause.VENUE, filled_lots=2, venue_ms=9), 4.0)
    orders.forgive(3.0)
    assert orders.is_blocked
    orders.forgive(4.0)
    assert not orders.is_blocked


def test_an_order_that_is_filled_without_a_number_is_filled_whole() -> None:
    """A word that says filled and tells no amount means all of it."""
    orders, _ = placed(QUOTE)
    orders.reported(report(QUOTE, status=OrderStatus.FILLED), 1.0)

    assert orders.finished["pm-1"].working.filled_lots == QUOTE.lots


def test_the_older_of_two_orders_in_one_slot_is_beside_it() -> None:
    """The slot holds the newer one; alone, an order is in its slot and nowhere else."""
    orders, _ = placed(QUOTE)
    assert orders.beside() == ()
    orders.place(attrs.evolve(QUOTE, client_id="pm-2"), 1.0)

    assert [order.client_id for order in orders.beside()] == ["pm-1"]


def test_an_order_whose_id_is_a_duplicate_may_arrive_until_its_fence() -> None:
    """An earlier attempt is on its way, or there: that the venue does not know it proves nothing before that."""
    orders, _ = sent(QUOTE)
    refusal = Refusal(reason=RefusalReason.DUPLICATE_ID, code="-4116", text="ClientOrderId is duplicated.")
    orders.refused(OrderRefused(client_id="pm-1", refusal=refusal), 4.0)
    orders.not_found(OrderNotFound(client_id="pm-1", asked_at=6.9), 6.9)
    assert orders.live["pm-1"].working.status is OrderStatus.UNKNOWN
    orders.not_found(OrderNotFound(client_id="pm-1", asked_at=7.0), 7.0)
    assert orders.finished["pm-1"].end is End.NEVER_WAS
