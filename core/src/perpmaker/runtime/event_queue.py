"""Where everything that happened waits for the trader: one queue, in order; private events are never lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence

import anyio
import anyio.lowlevel

from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Event,
    FeedAlive,
    MarkChanged,
    ReferenceChanged,
    Traded,
)

LONG = 256

_BOOK = (BookSnapshot, BookChanged, BookLost)
_NEWEST_COUNTS = (Traded, MarkChanged, ReferenceChanged, FeedAlive)

MARKET_DATA = (*_BOOK, *_NEWEST_COUNTS)
"""What is conflated when much of it waits, and never recorded one by one."""


class EventQueue:
    """Filled by the feeds and by dispatch, emptied by the one task that runs the trader.

    Putting never waits. When more than `LONG` events wait, market events are conflated to what they amount to;
    account and control events are all kept, in their order.
    """

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        # An event that can be used again: a new one for each wait took 10 us, more than the trader does with a message.
        # It has no `max_value`: a wait that is cancelled as the bell rings gives its ring back, perhaps beside another.
        self._bell = anyio.Semaphore(0, fast_acquire=True)
        self._conflate_at = LONG

    def put(self, events: Iterable[Event]) -> None:
        """Add events at the end."""
        self._waiting.extend(events)

        if len(self._waiting) > self._conflate_at:
            self._waiting = deque(conflate(self._waiting))
            self._conflate_at = len(self._waiting) + LONG

        if self._waiting and not self._bell.value:
            self._bell.release()

    async def arrival(self) -> None:
        """Wait until something waits to be taken; everybody else has a turn in any case. Safe to cancel."""
        if self._waiting:
            await anyio.lowlevel.checkpoint()

        while not self._waiting:  # the bell may have been rung for what was taken without waiting
            await self._bell.acquire()

    def take(self) -> list[Event]:
        """Take all that waits, perhaps nothing."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._conflate_at = LONG

        return taken


def without_market_data(events: Iterable[Event]) -> list[Event]:
    """What happened to us: the events that are recorded, counted and told."""
    return [event for event in events if not isinstance(event, MARKET_DATA)]


def conflate(events: Iterable[Event]) -> list[Event]:
    """What the events amount to: the book's changes merged, of other market events the newest; the rest untouched.

    A merged event stands where the newest of those it replaces stood.
    """
    kept: dict[Hashable, Event] = {}

    for position, event in enumerate(events):
        if isinstance(event, _BOOK):
            _merge_book(kept, event)
        elif isinstance(event, _NEWEST_COUNTS):
            name = (type(event), event.channel if isinstance(event, FeedAlive) else None)
            kept.pop(name, None)
            kept[name] = event
        else:
            kept[position] = event

    return list(kept.values())


def _merge_book(kept: dict[Hashable, Event], event: BookSnapshot | BookChanged | BookLost) -> None:
    """Fold one book event into what is kept: a snapshot or a loss makes everything before it pointless."""
    changed = kept.pop("changed", None)

    if not isinstance(event, BookChanged):
        kept.pop("base", None)
        kept["base"] = event
    elif isinstance(changed, BookChanged):
        kept["changed"] = BookChanged(
            bids=_latest(changed.bids, event.bids), asks=_latest(changed.asks, event.asks), venue_ms=event.venue_ms
        )
    else:
        kept["changed"] = event


def _latest(before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Absolute lots per tick: the later word on each tick counts."""
    return tuple({**dict(before), **dict(after)}.items())
