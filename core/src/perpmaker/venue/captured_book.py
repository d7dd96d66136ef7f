"""The book of a capture: differences and the few snapshots that were recorded with them, which no one can ask for."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.model.event import BookLost, MarketEvent
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

    def _explain(self, events: Sequence[MarketEvent]) -> Sequence[MarketEvent]:
        if not self._awaits_join or not (events or self._sync.wants_snapshot):
            return events

        self._awaits_join = False

        return events or (BookLost(reason=self._sync.stale_reason),)
