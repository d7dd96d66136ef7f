"""What is believed of stops on the venue: they have no amount there, and remember that they were fired."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from perpmaker.model.order import NewOrder, OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side, Slot
from perpmaker.state.book import Book
from perpmaker.state.orders import Orders
from perpmaker.state.view import End

GUARD = Slot(OrderKind.VENUE_STOP, Side.SELL)
STOP = NewOrder(client_id="pm-1", slot=GUARD, lots=5, ticks=9700, type=OrderType.VENUE_STOP, reduce_only=True)
REPORT = OrderReport(
    client_id="pm-1",
    venue_id="9",
    side=Side.SELL,
    position_side=PositionSide.NET,
    status=OrderStatus.OPEN,
    raw_status="NEW",
    ticks=9700,
    lots=0,
    filled_lots=0,
    reduce_only=True,
    type=OrderType.VENUE_STOP,
    venue_ms=1,
)


@pytest.fixture
def orders() -> Orders:
    """Orders with the stop resting."""
    known = Orders(Book().own, fence_s=3.0)
    known.place(STOP, 0.0)
    known.reported(REPORT, 0.1, by_stream=True)

    return known


def word(**changes: Any) -> OrderReport:
    """The venue's next word on the stop."""
    return attrs.evolve(REPORT, venue_ms=2, **changes)


def test_a_stop_rests_without_an_amount_and_hides_nothing_of_the_book(orders: Orders) -> None:
    """The venue's zero is no cut, and a stop is no level of the book."""
    (working,) = orders.working()

    assert (working.status, working.order.lots, working.confirmed) == (OrderStatus.OPEN, 5, True)
    assert not orders.cut(0.1, lambda _: 0)


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"status": OrderStatus.FILLED, "triggered": True, "filled_lots": 5}, End.FILLED),
        ({"status": OrderStatus.REFUSED, "triggered": True}, End.VENUE),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"status": OrderStatus.FILLED, "triggered": True, "filled_lots": 3}, End.FILLED),
                ({"status": OrderStatus.CANCELLED, "triggered": True}, End.VENUE),
                ({"status": OrderStatus.CANCELLED}, End.VENUE),
            )
        ),
    ],
)
def test_how_a_stop_ended_tells_whether_it_had_fired(orders: Orders, changes: dict[str, Any], end: End) -> None:
    """F44: one that was fired and then rejected is told from one that was taken off."""
    orders.reported(word(**changes), 1.0, by_stream=True)

    assert list(orders.working()) == []
    assert (orders.endings.by_slot[GUARD].end, orders.endings.by_slot[GUARD].triggered) == (end, "triggered" in changes)


def test_a_stop_that_fires_shows_it_while_its_order_is_under_way(orders: Orders) -> None:
    """The local line has fired from then on."""
    orders.reported(word(raw_status="TRIGGERING", triggered=True), 1.0, by_stream=True)
    (working,) = orders.working()

    assert (working.status, working.triggered) == (OrderStatus.OPEN, True)


def test_F19_an_unknown_status_of_a_stop_proves_nothing_and_is_asked_for(orders: Orders) -> None:
    """It rests as before, and the venue is asked soon."""
    orders.reported(word(status=None, raw_status="PONDERING"), 1.0, by_stream=True)
    (working,) = orders.working()

    assert working.status is OrderStatus.OPEN
    assert orders.live["pm-1"].ask_at == pytest.approx(1.25)


def test_a_stop_of_an_earlier_run_is_adopted_with_the_amount_it_was_meant_for() -> None:
    """The venue's list has none."""
    orders = Orders(Book().own, fence_s=3.0)
    orders.adopt(STOP, REPORT, 0.0)
    (working,) = orders.working()

    assert (working.order.lots, working.venue_id, working.confirmed) == (5, "9", True)
