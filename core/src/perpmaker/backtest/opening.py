"""Where a backtest begins: when the book is known for the first time, or later, with the market as it is then."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from perpmaker.backtest.columns import CHANGE, LOST, MARK, NS, NS_PER_MS, SNAPSHOT
from perpmaker.backtest.timeline import Timeline
from perpmaker.errors import RecordingError
from perpmaker.model.event import BookSnapshot, MarkChanged


@attrs.frozen(kw_only=True)
class Opening:
    """The market at `begin_ns`; what comes next is the message of that place in the segment of that number."""

    begin_ns: int
    book: BookSnapshot
    mark: MarkChanged | None
    last: int
    segment_number: int
    message: int


def find_opening(timeline: Timeline, from_ns: int | None) -> Opening:
    """Wind forward to a time, or to where the book is known for the first time, whichever is later.

    RecordingError where the recording has ended by then.
    """
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    mark: MarkChanged | None = None
    known_ms: int | None = None
    number, wanted_ns = 0, from_ns or 0

    while (segment := timeline.segment(number)) is not None:
        timeline.release(number)
        chunk = segment.chunk

        for message in range(segment.size):
            at_ns, kind = chunk.received[message], chunk.kind[message]

            if known_ms is not None and at_ns > wanted_ns:
                begin_ns = max(wanted_ns, chunk.received[message - 1] if message else 0, timeline.foot.first_ns)
                book = BookSnapshot(
                    bids=tuple((ticks, lots) for ticks, lots in bids.items() if lots),
                    asks=tuple((ticks, lots) for ticks, lots in asks.items() if lots),
                    venue_ms=known_ms,
                )

                return Opening(
                    begin_ns=begin_ns,
                    book=book,
                    mark=mark,
                    last=chunk.last[message - 1] if message else 0,
                    segment_number=number,
                    message=message,
                )

            if kind == SNAPSHOT:
                bids, asks = dict(chunk.bids(message, message + 1)), dict(chunk.asks(message, message + 1))
                known_ms, wanted_ns = chunk.venue[message] // NS_PER_MS, max(wanted_ns, at_ns)
            elif kind == CHANGE:
                bids.update(chunk.bids(message, message + 1))
                asks.update(chunk.asks(message, message + 1))
                known_ms = chunk.venue[message] // NS_PER_MS
            elif kind == LOST:
                known_ms = None
            elif kind == MARK:
                mark = chunk.mark(message)

        number += 1

    raise outside(timeline)


def outside(timeline: Timeline) -> RecordingError:
    """Return what is raised where a window has nothing of the recording in it."""
    first, last = (f"{datetime.fromtimestamp(ns / NS, UTC):%Y-%m-%d %H:%M:%S}" for ns in _span(timeline))

    return RecordingError(
        f"nothing of it is in that window: it goes from {first} to {last} UTC", file=", ".join(timeline.foot.names)
    )


def _span(timeline: Timeline) -> tuple[int, int]:
    return timeline.foot.first_ns, timeline.foot.last_ns
