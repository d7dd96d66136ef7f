"""Joins the differences of an order book to a snapshot and detects gaps. Pure.

A venue numbers the updates of its book. Each difference covers the updates `first` to `last` and says, or implies,
after which update it is to be applied: `previous`. Three kinds of venue are served:

* each difference names the last update of the one before it (`previous` is that name; the numbers may have holes);
* the numbers count every update (`previous` is `first - 1`, and `counts_updates` is True);
* the stream itself brings snapshots (`reset`). A stream without any number is numbered by the dialect as it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import attrs

from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent
from perpmaker.venue.levels import Levels, LevelTranslator

_MAX_PENDING = 1_000
_REMEMBERED = 100
"""Differences of ten seconds at ten a second. Two connections overlap for a tenth of that."""


@attrs.frozen
class _Difference:
    first: int
    last: int
    previous: int
    bids: Levels
    asks: Levels
    venue_ms: int


class BookSync:
    """Decides which differences may be applied to which snapshot; keeps sequence numbers, and no book.

    Args:
        levels: the translator of the market's levels.
        counts_updates: whether update numbers have no holes. A difference that ends at or before the last applied
            update is then known to be a repetition. Otherwise only differences that were applied here are known to be.
        max_pending: differences that may wait for a snapshot; the oldest go first.
    """

    def __init__(
        self, levels: LevelTranslator, *, counts_updates: bool = False, max_pending: int = _MAX_PENDING
    ) -> None:
        self._translate = levels.translate
        self._counts_updates = counts_updates
        self._pending: deque[_Difference] = deque(maxlen=max_pending)
        self._snapshot: tuple[int, BookSnapshot] | None = None
        self._last: int | None = None
        self._applied: deque[int] = deque(maxlen=_REMEMBERED)
        self.stale_reason = ""
        """Why the newest snapshot that was of no use was not; for people."""

    @property
    def last(self) -> int | None:
        """The last applied update; None while the book is not known."""
        return self._last

    @property
    def wants_snapshot(self) -> bool:
        """Whether the book cannot become known without a new snapshot."""
        return self._last is None and self._snapshot is None

    def offer(
        self, first: int, last: int, previous: int, bids: Levels, asks: Levels, *, venue_ms: int
    ) -> Sequence[MarketEvent]:
        """Take the next difference of the stream.

        Args:
            first: number of the first update that the difference covers.
            last: number of the last one.
            previous: number of the update that the difference continues.
            bids: changed levels with their absolute amounts.
            asks: the same of the other side.
            venue_ms: the venue's time of the difference.

        Raises:
            PayloadError: a level cannot be translated. The difference is not applied, and the next one shows a gap.
        """
        if previous == self._last:
            translate = self._translate
            changed = BookChanged(translate(bids), translate(asks), venue_ms)
            self._last = last
            self._applied.append(last)

            return (changed,)

        if self._last is not None and self._is_repeated(last):
            return ()

        self._pending.append(_Difference(first, last, previous, bids, asks, venue_ms))

        if self._last is None:
            return self._join()

        lost = self.lose(f"a gap in the book stream: after update {self._last} came one that follows {previous}")

        return (*lost, *self._join())

    def restore(self, last: int, bids: Levels, asks: Levels, *, venue_ms: int) -> Sequence[MarketEvent]:
        """Take a snapshot that was asked for apart from the stream, with `last` as its newest update.

        The book stays unknown until a difference has come that continues the snapshot. A snapshot that comes while the
        book is known is kept for the next gap.

        Raises:
            PayloadError: a level cannot be translated. The snapshot is not kept.
        """
        self._snapshot = last, self._translate_snapshot(bids, asks, venue_ms)

        return self._join()

    def reset(self, last: int, bids: Levels, asks: Levels, *, venue_ms: int) -> Sequence[MarketEvent]:
        """Take a snapshot that the stream itself brings: the book is known at once, whatever was known before.

        A snapshot without any level is no market: the book is lost until the next one.

        Raises:
            PayloadError: a level cannot be translated. The book stays as it was.
        """
        whole = self._translate_snapshot(bids, asks, venue_ms)
        self._pending.clear()
        self._applied.clear()
        self._snapshot = None

        if not whole.bids and not whole.asks:
            return self.lose("the venue shows a book without any level")

        self._last = last

        return (whole,)

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Declare the book unknown, because the stream or the venue said so; nothing happens where it already is."""
        if self._last is None:
            return ()

        self._last = None

        return (BookLost(reason=reason),)

    def _translate_snapshot(self, bids: Levels, asks: Levels, venue_ms: int) -> BookSnapshot:
        return BookSnapshot(bids=self._translate(bids), asks=self._translate(asks), venue_ms=venue_ms)

    def _is_repeated(self, last: int) -> bool:
        """Whether a difference is already in the book: another connection may have brought it before."""
        if self._counts_updates:
            return self._last is not None and last <= self._last

        return last in self._applied

    def _join(self) -> Sequence[MarketEvent]:
        """Join snapshot and differences where they meet.

        The first applied difference must reach back to the snapshot. `first <= wanted` alone would also turn away a
        snapshot that falls between two differences: `previous` closes that hole exactly.
        """
        if self._snapshot is None:
            return ()

        pending = self._pending
        wanted, whole = self._snapshot

        while pending and self._is_before(pending[0], wanted):
            pending.popleft()

        if not pending:
            return ()

        self._snapshot = None

        if pending[0].previous > wanted and wanted < pending[0].first:
            # Older than what is left of the stream: another snapshot is wanted.
            self.stale_reason = (
                f"the depth snapshot ends with update {wanted}, "
                f"and the differences after it begin at {pending[0].first} only"
            )

            return ()

        return (whole, *self._replay())

    def _is_before(self, difference: _Difference, wanted: int) -> bool:
        """Whether a snapshot contains a difference; without counted updates the one that ends it is applied again."""
        return difference.last <= wanted if self._counts_updates else difference.last < wanted

    def _replay(self) -> Sequence[MarketEvent]:
        waiting = list(self._pending)
        self._pending.clear()
        self._last = waiting[0].previous
        events: list[MarketEvent] = []

        for one in waiting:
            events.extend(self.offer(one.first, one.last, one.previous, one.bids, one.asks, venue_ms=one.venue_ms))

        return events
