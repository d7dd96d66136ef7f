"""Markouts: where the middle of the book was some seconds after each fill of ours. Pure: times are given."""

from __future__ import annotations

from bisect import insort
from decimal import Decimal
from math import inf

import attrs

from perpmaker.ledger.entries import FillEntry, MarkoutEntry

HORIZONS_S = (1, 10, 60)
"""Seconds after a fill at which the middle of the book is noted."""

LATE_S = 1.0
"""Seconds by which a moment may be missed: a middle that is noted later is that of another moment."""


@attrs.frozen
class _Due:
    at: float
    fill: FillEntry


class Markouts:
    """Remembers young fills. `next_at` is when something is due, on the engine's clock; infinite while none is."""

    def __init__(self) -> None:
        self._due: dict[int, list[_Due]] = {after_s: [] for after_s in HORIZONS_S}
        self.next_at = inf

    def watch(self, fill: FillEntry, filled_at: float, now: float) -> None:
        """Watch a fill; moments that are past already are not noted."""
        for after_s, due in self._due.items():
            if filled_at + after_s > now:
                insort(due, _Due(filled_at + after_s, fill), key=lambda one: one.at)

        self._look_ahead()

    def take(self, now: float, mid: Decimal | None) -> list[MarkoutEntry]:
        """Return what is due now. Without a middle of the book nothing is noted."""
        found = []

        for after_s, due in self._due.items():
            while due and due[0].at <= now:
                one = due.pop(0)

                if mid is not None and now - one.at <= LATE_S:
                    fill = one.fill
                    venue_ms = fill.venue_ms + after_s * 1000
                    found.append(
                        MarkoutEntry(
                            trade_id=fill.trade_id, side=fill.side, after_s=after_s, mid=mid, venue_ms=venue_ms
                        )
                    )

        self._look_ahead()

        return found

    def _look_ahead(self) -> None:
        self.next_at = min((due[0].at for due in self._due.values() if due), default=inf)
