"""How much of each level of the book is ours, at the moment that the book shows.

An order's answer and the book come on different ways. An order that the venue accepted at its time T is in the book
from T on, so its lots are left out only once the book has reached T; a fill or a cancel at T is in the book's numbers
only from T on, so until then the lots are still left out. That makes the subtraction exact, and keeps our own order
from posing as somebody else's best price for the length of one book interval.
"""

from __future__ import annotations

import attrs

from perpmaker.model.order import Side

PATIENCE_S = 1.0
"""A change is believed to be in the book after this long, whatever the times say."""


@attrs.frozen
class _Change:
    venue_ms: int
    seen_at: float
    sign: int
    ticks: int
    lots: int


class OwnDepth:
    """Our lots by side (as its sign) and ticks, following the book's own time, which is complete to `reached_ms`."""

    __slots__ = ("_waiting", "lots", "reached_ms")

    def __init__(self) -> None:
        self.lots: dict[int, dict[int, int]] = {Side.BUY.sign: {}, Side.SELL.sign: {}}
        self._waiting: list[_Change] = []
        self.reached_ms = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a change waits for the book to reach its time."""
        return bool(self._waiting)

    def add(self, side: Side, ticks: int, lots: int, *, venue_ms: int, now: float) -> None:
        """Our part of a level changed by `lots` (signed) at a venue time; 0 when that is not known: at once."""
        change = _Change(venue_ms, now, side.sign, ticks, lots)

        if venue_ms <= self.reached_ms:
            self._apply(change)
        else:
            self._waiting.append(change)

    def catch_up(self, now: float) -> None:
        """Take in the changes that the book shows by now."""
        waiting = []

        for change in self._waiting:
            if change.venue_ms <= self.reached_ms or change.seen_at + PATIENCE_S <= now:
                self._apply(change)
            else:
                waiting.append(change)

        self._waiting = waiting

    def _apply(self, change: _Change) -> None:
        side = self.lots[change.sign]
        lots = side.get(change.ticks, 0) + change.lots

        if lots:
            side[change.ticks] = lots
        else:
            side.pop(change.ticks, None)
