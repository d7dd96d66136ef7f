from __future__ import annotations

from decimal import Decimal

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.command_event import OrderAccepted
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    FeedAlive,
    MarkChanged,
    StreamLost,
)
from perpmaker.runtime.event_queue import LONG, EventQueue, conflate

pytestmark = pytest.mark.anyio

PAIRS = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=3).map(tuple)
BOOK_EVENTS = st.one_of(
    st.builds(BookChanged, bids=PAIRS, asks=PAIRS, venue_ms=st.just(0)),
    st.builds(BookSnapshot, bids=PAIRS, asks=PAIRS, venue_ms=st.just(0)),
    st.just(BookLost(reason="gap")),
)


def accepted(number: int) -> OrderAccepted:
    """A private event."""
    return OrderAccepted(client_id=str(number), venue_id=None, venue_ms=0)


def fold(events: list[Event]) -> tuple[dict[int, int], dict[int, int]] | None:
    """The book that events amount to; None while it is lost or was never there."""
    book: tuple[dict[int, int], dict[int, int]] | None = None

    for event in events:
        if isinstance(event, BookSnapshot):
            book = ({}, {})

        if isinstance(event, BookLost):
            book = None

        if book is not None and isinstance(event, BookSnapshot | BookChanged):
            for side, pairs in zip(book, (event.bids, event.asks), strict=True):
                side.update(pairs)

    return book


async def test_what_was_put_is_drained_in_order_at_once() -> None:
    """Nothing is waited for while something waits."""
    event_queue = EventQueue()
    event_queue.put([accepted(1), accepted(2)])
    event_queue.put([accepted(3)])

    await event_queue.arrival()

    assert event_queue.take() == [accepted(1), accepted(2), accepted(3)]


async def test_an_empty_inbox_waits_until_something_comes() -> None:
    """The next event wakes the one who waits."""
    event_queue = EventQueue()

    async with anyio.create_task_group() as group:
        group.start_soon(put_later, event_queue)
        await event_queue.arrival()

    assert event_queue.take() == [accepted(1)]


async def put_later(event_queue: EventQueue) -> None:
    """Put an event after a moment."""
    await anyio.sleep(0.01)
    event_queue.put([accepted(1)])


async def test_what_was_taken_without_waiting_does_not_arrive_again() -> None:
    """The one who waits is not woken for what is taken already, and is for what comes then."""
    event_queue = EventQueue()
    event_queue.put([accepted(0)])
    event_queue.take()

    async with anyio.create_task_group() as group:
        group.start_soon(put_later, event_queue)
        await event_queue.arrival()

    assert event_queue.take() == [accepted(1)]


async def test_a_wait_that_is_given_up_loses_nothing() -> None:
    """The caller decides again though nothing happened, and later takes what has come since."""
    event_queue = EventQueue()

    with anyio.move_on_after(0.01):
        await event_queue.arrival()

    assert event_queue.take() == []
    event_queue.put([accepted(1)])

    with anyio.CancelScope() as scope:
        scope.cancel()
        await event_queue.arrival()

    await event_queue.arrival()
    assert event_queue.take() == [accepted(1)]


async def test_a_wait_that_is_cancelled_as_the_bell_rings_loses_nothing() -> None:
    """Whether the wait ends by the event or by the cancellation, what came can be taken, and the next wait is one."""
    event_queue = EventQueue()

    async with anyio.create_task_group() as group:
        group.start_soon(event_queue.arrival)
        await anyio.wait_all_tasks_blocked()
        event_queue.put([accepted(1)])
        event_queue.put([accepted(2)])
        group.cancel_scope.cancel()

    assert event_queue.take() == [accepted(1), accepted(2)]

    async with anyio.create_task_group() as group:
        group.start_soon(put_later, event_queue)
        await event_queue.arrival()

    assert event_queue.take() == [accepted(1)]


async def test_F30_a_burst_is_conflated_and_no_private_event_is_lost() -> None:
    """50,000 market events leave a bounded queue, with every account event in its order."""
    event_queue = EventQueue()

    for number in range(50_000):
        event_queue.put([BookChanged(((number % 10, number),), (), number)])

        if number % 100 == 0:
            event_queue.put([accepted(number)])

    await event_queue.arrival()
    drained = event_queue.take()

    assert [event for event in drained if isinstance(event, OrderAccepted)] == [
        accepted(number) for number in range(0, 50_000, 100)
    ]
    assert len(drained) <= 500 + 2 * LONG


@given(st.lists(BOOK_EVENTS, max_size=12))
def test_a_conflated_book_is_the_same_book(events: list[Event]) -> None:
    """However snapshots, changes and losses follow each other, what is left amounts to the same."""
    assert fold(conflate(events)) == fold(events)
    assert len(conflate(events)) <= 2


def test_of_marks_and_signs_of_life_the_newest_counts_and_streams_keep_their_place() -> None:
    """Control events are as private as account events."""
    lost = StreamLost(channel=Channel.BOOK, reason="gone")

    def mark(price: int) -> MarkChanged:
        return MarkChanged(mark=Decimal(price), index=None, funding_rate=None, next_funding_ms=None, venue_ms=price)

    alive = [FeedAlive(channel=channel) for channel in (Channel.MARK, Channel.BOOK, Channel.MARK)]

    assert conflate([mark(1), alive[0], lost, mark(2), *alive[1:]]) == [lost, mark(2), alive[1], alive[2]]
