"""How much of each level of the book is ours, at the moment that the book shows.

An order's answer and the book come on different ways. An order that the venue accepted at its time T is in the book
from T on, so its lots are left out only once the book has reached T; a fill or a cancel at T is in the book's numbers
only from T on, so until then the lots are still left out. That makes the subtraction exact, and keeps our own order
from posing as somebody else's best price for the length of one book interval.

An order whose answer takes longer than the book is expected there from the moment that it is sent: what its level holds
beyond the least that other people had there since is taken for ours, up to its lots, until the answer says it exactly.
In a thin book an order of our own would otherwise be the price that the next one hangs on. Lots that somebody adds at
this very price meanwhile are left out for as long; what was there before is never hidden.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from perpmaker.model.order import Side
from perpmaker.model.quick import quick

BOOK_TIMEOUT_S = 1.0
"""A change is believed to be in the book after this long, whatever the times say."""


@quick
@attrs.frozen
class _Change:
    venue_ms: int
    seen_at: float
    sign: int
    ticks: int
    lots: int


@attrs.define
class _Expected:
    """An unanswered order: `others` is the least that other people had at its price since, `shown` what is ours."""

    side: Side
    ticks: int
    lots: int
    others: int
    shown: int = 0


class OwnDepth:
    """Our lots by side (as its sign) and ticks, following the book's own time, which is complete to `reached_ms`."""

    __slots__ = ("_expected", "_waiting", "lots", "reached_ms")

    def __init__(self) -> None:
        self.lots: dict[int, dict[int, int]] = {Side.BUY.sign: {}, Side.SELL.sign: {}}
        self._expected: dict[str, _Expected] = {}
        self._waiting: list[_Change] = []
        self.reached_ms = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a change waits for the book to reach its time."""
        return bool(self._waiting)

    @property
    def is_expecting(self) -> bool:
        """Whether an order was sent that nobody has answered."""
        return bool(self._expected)

    def add(self, side: Side, ticks: int, lots: int, *, venue_ms: int, now: float) -> None:
        """Our part of a level changed by `lots` (signed) at a venue time; 0 when that is not known: at once."""
        if venue_ms <= self.reached_ms:
            self._count(side.sign, ticks, lots)
        else:
            self._waiting.append(_Change(venue_ms, now, side.sign, ticks, lots))

    def catch_up(self, now: float) -> None:
        """Take in the changes that the book shows by now."""
        waiting = []

        for change in self._waiting:
            if change.venue_ms <= self.reached_ms or change.seen_at + BOOK_TIMEOUT_S <= now:
                self._count(change.sign, change.ticks, change.lots)
            else:
                waiting.append(change)

        self._waiting = waiting

    def expect(self, client_id: str, side: Side, ticks: int, lots: int, *, displayed: int) -> None:
        """An order is about to be sent, to a level of which the book shows so many lots."""
        others = max(0, displayed - self.lots[side.sign].get(ticks, 0))
        self._expected[client_id] = _Expected(side, ticks, lots, others)

    def observe(self, displayed: Callable[[Side, int], int]) -> None:
        """Look for the expected orders in what the book shows by now at a side's ticks."""
        for one in self._expected.values():
            known = self.lots[one.side.sign].get(one.ticks, 0) - one.shown
            rest = max(0, displayed(one.side, one.ticks) - known)
            one.others = min(one.others, rest)
            shown = min(one.lots, rest - one.others)
            self._count(one.side.sign, one.ticks, shown - one.shown)
            one.shown = shown

    def answered(self, client_id: str, *, venue_ms: int, now: float) -> None:
        """An order is answered: from this venue time on nothing is guessed about it."""
        one = self._expected.pop(client_id, None)

        if one is not None and one.shown:
            self.add(one.side, one.ticks, -one.shown, venue_ms=venue_ms, now=now)

    def _count(self, sign: int, ticks: int, more: int) -> None:
        side = self.lots[sign]
        lots = side.get(ticks, 0) + more

        if lots:
            side[ticks] = lots
        else:
            side.pop(ticks, None)
