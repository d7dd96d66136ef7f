"""The messages of a column file in time: when each happens at the exchange, and when the bot hears of it.

Two cursors go over the same segments, the exchange's ahead of the bot's; what both have left behind is forgotten.
"""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from typing import Final

import attrs

from perpmaker.backtest.columns import BOUGHT, CHANGE, NS_PER_MS, SNAPSHOT, SOLD, Chunk, ColumnFile

_TRADES: Final = frozenset({BOUGHT, SOLD})
_COMMON: Final = frozenset({BOUGHT, SOLD, CHANGE})


@attrs.frozen(kw_only=True)
class Feed:
    """How late market data come: as recorded (None), or by a fixed time in nanoseconds."""

    lag_ns: int | None = None

    def __str__(self) -> str:
        """Render as `as recorded` or `5 ms`."""
        return "as recorded" if self.lag_ns is None else f"{self.lag_ns / NS_PER_MS:g} ms"


@attrs.define(kw_only=True)
class Segment:
    """A chunk, with the times of its messages at the exchange and at the bot, which never go back.

    `special` are its messages that are neither a difference nor a trade.

    `book_ms` is the venue's time of the newest book message by then, `traded_ms` that of the latest trade. `first` is
    the number of its first message in the file, `size` how many of them count.
    """

    chunk: Chunk
    first: int
    size: int
    at_exchange: list[int]
    at_bot: list[int]
    book_ms: list[int]
    traded_ms: list[int]
    special: list[int]


class Timeline:
    """The segments of a file, read as they are asked for."""

    def __init__(self, columns: ColumnFile, feed: Feed) -> None:
        self.foot = columns.foot
        self.feed = feed
        self._chunks = columns.chunks()
        self._held: deque[Segment] = deque()
        self._number = 0
        self._read = 0
        self._at_exchange, self._book_ms, self._traded_ms = 0, 0, 0

    def segment(self, number: int) -> Segment | None:
        """Return a segment by its number. None past the last one."""
        while number >= self._number + len(self._held):
            if not self._read_on():
                return None

        return self._held[number - self._number]

    def release(self, number: int) -> None:
        """Forget the segments before this one."""
        while self._held and self._number < number:
            self._held.popleft()
            self._number += 1

    def _read_on(self) -> bool:
        left = self.foot.messages - self._read

        if left <= 0 or (chunk := next(self._chunks, None)) is None:
            return False

        size = min(len(chunk), left)
        at_exchange = self._times(chunk)
        book_ms, traded_ms = self._venue_times(chunk)
        special = [message for message, kind in enumerate(chunk.kind) if kind not in _COMMON]
        self._held.append(
            Segment(
                chunk=chunk,
                first=self._read,
                size=size,
                at_exchange=at_exchange,
                at_bot=chunk.received,
                book_ms=book_ms,
                traded_ms=traded_ms,
                special=special,
            )
        )
        self._read += size
        self._at_exchange = at_exchange[-1] if at_exchange else self._at_exchange

        return True

    def _times(self, chunk: Chunk) -> list[int]:
        """When each message happens at the exchange, on the recording machine's clock."""
        if (lag_ns := self.feed.lag_ns) is not None:
            return [at - lag_ns for at in chunk.received]

        # A venue's clock that is ahead is set back so far that its quickest message takes no time.
        ahead_ns = min(0, self.foot.least_lag_ns or 0)
        dated = [venue + ahead_ns if venue else 0 for venue in chunk.venue]
        ordered = accumulate([self._at_exchange, *dated], max)
        next(ordered)

        return list(map(min, ordered, chunk.received))

    def _venue_times(self, chunk: Chunk) -> tuple[list[int], list[int]]:
        """By each message, the venue's time of the newest book message and of the latest trade, in milliseconds."""
        book_ms, traded_ms = self._book_ms, self._traded_ms
        of_book, of_trades = [], []

        for kind, venue in zip(chunk.kind, chunk.venue, strict=True):
            if kind in _TRADES:
                if (ms := venue // NS_PER_MS) > traded_ms:
                    traded_ms = ms
            elif kind in {CHANGE, SNAPSHOT}:
                book_ms = venue // NS_PER_MS

            of_book.append(book_ms)
            of_trades.append(traded_ms)

        self._book_ms, self._traded_ms = book_ms, traded_ms

        return of_book, of_trades
