"""The evidence of one order: when it is asked for, and what is still waited for."""

from __future__ import annotations

import pytest

from perpmaker.model.command_event import Command
from perpmaker.model.order import NewOrder, OrderKind, OrderStatus, OrderType, Side, Slot
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.tracked_order import GATEWAY_S, TrackedOrder

ORDER = NewOrder(client_id="pm-1", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=5, ticks=90, type=OrderType.POST_ONLY)


@pytest.fixture
def record() -> TrackedOrder:
    """An order in flight."""
    return TrackedOrder(working=WorkingOrder(order=ORDER, status=OrderStatus.PENDING, sent_at=0.0))


def test_the_questions_grow_rarer_and_the_fence_is_not_slept_through(record: TrackedOrder) -> None:
    """0.25, 0.5, 1 s, then at the fence, then every 2 s."""
    record.doubt(Command.PLACE, fence_at=3.0, now=0.0)
    moments = []

    for _ in range(6):
        assert record.ask_at is not None
        moments.append(record.ask_at)
        record.asked(record.ask_at)

    assert moments == [0.0, 0.25, 0.75, 1.75, 3.0, 5.0]


def test_a_doubt_about_what_is_known_is_none(record: TrackedOrder) -> None:
    """The stream has shown the order: that its answer was lost does not matter any more."""
    record.accept(venue_id="7", venue_ms=1, now=0.0, by_stream=True)
    record.doubt(Command.PLACE, fence_at=3.0, now=0.1)

    assert (record.working.status, record.ask_at) == (OrderStatus.OPEN, None)


def test_an_unknown_cancel_is_not_settled_by_the_order_having_been_taken(record: TrackedOrder) -> None:
    """Only the venue's word after the cancel says whether it worked."""
    record.accept(venue_id="7", venue_ms=1, now=0.0, by_stream=True)
    record.put(status=OrderStatus.CANCELLING)
    record.doubt(Command.CANCEL, fence_at=3.0, now=0.1)
    record.accept(venue_id="7", venue_ms=1, now=0.2, by_stream=True)

    assert record.working.status is OrderStatus.UNKNOWN


def test_executed_lots_never_shrink_nor_exceed_the_order(record: TrackedOrder) -> None:
    """Older news is no news."""
    record.fill_up_to(3, 0.0)
    record.fill_up_to(2, 0.0)
    assert record.working.filled_lots == 3
    record.fill_up_to(9, 0.0)
    assert record.working.filled_lots == 5


def test_a_gap_lasts_from_the_announcement_to_the_last_of_its_fills(record: TrackedOrder) -> None:
    """What was forgiven is not waited for again, and what is announced next is."""
    record.fill_up_to(2, 1.0)
    assert (record.has_gap, record.gap_since) == (True, 1.0)
    record.book(1, 1, 2.0)
    assert record.gap_since == 1.0
    record.forgive()
    assert not record.has_gap
    record.fill_up_to(4, 3.0)
    assert record.gap_since == 3.0
    record.book(2, 4, 4.0)

    assert (record.has_gap, record.working.filled_lots) == (False, 4)


def test_the_word_of_a_gateway_about_an_order_that_is_in_doubt_changes_nothing(record: TrackedOrder) -> None:
    """It is asked for already, and it may arrive until its own fence."""
    record.doubt(Command.PLACE, fence_at=3.0, now=0.0)
    record.hand_on(venue_id="7", fence_at=9.0, now=0.1)

    assert (record.handed_on, record.working.fence_at, record.working.venue_id) == (False, 3.0, None)


def test_the_word_of_a_gateway_about_an_order_in_flight_gives_it_its_fence(record: TrackedOrder) -> None:
    """It stays in flight, and is asked for when no report comes."""
    record.hand_on(venue_id="7", fence_at=9.0, now=0.1)

    assert (record.handed_on, record.working.fence_at, record.working.venue_id) == (True, 9.0, "7")
    assert (record.working.status, record.ask_at) == (OrderStatus.PENDING, 0.1 + GATEWAY_S)
