"""A captured market: differences and the few snapshots that were recorded with them, which no one can ask for."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.model.event import BookLost, MarketEvent, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.venue.book_sync import BookSync
from perpmaker.venue.levels import Levels, LevelTranslator

_MAX_PENDING = 6_000
"""Differences that wait for a snapshot, ten minutes of them: a whole capture may have none."""


class CapturedBook:
    """A `BookSync` that says once, as a lost book, that a snapshot was of no use: a capture brings no other by itself.

    Args:
        levels: the translator of the market's levels.
        counts_updates: as of `BookSync`.
    """

    def __init__(self, levels: LevelTranslator, *, counts_updates: bool) -> None:
        self._sync = BookSync(levels, counts_updates=counts_updates, max_pending=_MAX_PENDING)
        self._awaits_join = False

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._sync.last is not None

    def offer(
        self, first: int, last: int, previous: int, bids: Levels, asks: Levels, *, venue_ms: int
    ) -> Sequence[MarketEvent]:
        """Take a difference, as `BookSync.offer` does."""
        return self._explain(self._sync.offer(first, last, previous, bids, asks, venue_ms=venue_ms))

    def restore(self, last: int, bids: Levels, asks: Levels, *, venue_ms: int) -> Sequence[MarketEvent]:
        """Take a snapshot, as `BookSync.restore` does."""
        self._awaits_join = not self.is_live

        return self._explain(self._sync.restore(last, bids, asks, venue_ms=venue_ms))

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Take the book for unknown, as `BookSync.lose` does."""
        return self._sync.lose(reason)

    def _explain(self, events: Sequence[MarketEvent]) -> Sequence[MarketEvent]:
        if not self._awaits_join or not (events or self._sync.wants_snapshot):
            return events

        self._awaits_join = False

        return events or (BookLost(reason=self._sync.stale_reason),)


class CapturedMarket:
    """Book and trades of one market out of a capture; a price or an amount between two steps is a PayloadError.

    Which numbers its differences have shows with the first of them. A snapshot that comes before it is kept.

    Args:
        instrument: the market that is replayed.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._symbol = instrument.symbol
        self._levels = LevelTranslator(instrument, exact_amounts=True)
        self._book: CapturedBook | None = None
        self._early: tuple[int, Levels, Levels, int] | None = None

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._book is not None and self._book.is_live

    def check(self, symbol: str) -> None:
        """Raise ValueError for what is of another market."""
        if symbol != self._symbol:
            raise ValueError(f"it is of the market {symbol!a}, not of {self._symbol}")

    def restore(self, last: int, bids: Levels, asks: Levels, *, venue_ms: int = 0) -> Sequence[MarketEvent]:
        """Take a snapshot, as `BookSync.restore` does."""
        if self._book is None:
            self._early = last, bids, asks, venue_ms
            return ()

        return self._book.restore(last, bids, asks, venue_ms=venue_ms)

    def offer(
        self, first: int, last: int, previous: int | None, bids: Levels, asks: Levels, *, venue_ms: int
    ) -> Sequence[MarketEvent]:
        """Take a difference, as `BookSync.offer` does; `previous` is None where the numbers have no holes."""
        if self._book is None:
            self._book = CapturedBook(self._levels, counts_updates=previous is None)

            if self._early is not None:
                self._book.restore(*self._early[:3], venue_ms=self._early[3])

        continued = first - 1 if previous is None else previous

        return self._book.offer(first, last, continued, bids, asks, venue_ms=venue_ms)

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Take the book for unknown: messages are missing."""
        return () if self._book is None else self._book.lose(reason)

    def trade(self, price: str, amount: str, taker: Side, *, venue_ms: int) -> Sequence[MarketEvent]:
        """Take a trade. Before the book is known there is nobody whom it could concern."""
        if not self.is_live:
            return ()

        ((ticks, lots),) = self._levels.translate([(price, amount)])

        return (Traded(ticks=ticks, lots=lots, taker=taker, venue_ms=venue_ms),)
