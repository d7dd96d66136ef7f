"""When a slot whose order was refused, or thrown out by the venue, may be tried again."""

from __future__ import annotations

import attrs

from perpmaker.model.order import Refusal, RefusalReason, Slot
from perpmaker.state.view import End, SlotEnd

EXIT_DELAYS_S = (0.0, 0.25, 0.5, 1.0, 2.0)
QUOTE_DELAYS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Pauses before the next try, by the number of failures in a row; the last one repeats."""

ESCALATE_S = 2.0
"""An exit that did not get through for this long goes out as a market close."""

FORGET_S = 10.0
"""A failure this long after the last one begins a new series."""

_BUSY = frozenset(
    {
        RefusalReason.RATE_LIMIT,
        RefusalReason.BUSY,
        RefusalReason.TIMESTAMP,
        RefusalReason.AUTHENTICATION,
        RefusalReason.TOO_MANY_ORDERS,
    }
)


@attrs.define
class _Series:
    first_at: float
    last_at: float
    failures: int
    again_at: float
    busy: bool


class Retries:
    """Series of failures by slot. A refusal that says the venue is busy holds back all quotes, not only one slot's."""

    def __init__(self) -> None:
        self._series: dict[Slot, _Series] = {}
        self._all_quotes: _Series | None = None

    def ended(self, slot: Slot, end: SlotEnd, now: float) -> None:
        """Take in how an order ended."""
        if end.filled_lots or end.end is End.FILLED:
            self._series.pop(slot, None)
        elif end.end is End.REFUSED or end.end is End.VENUE or (slot.kind.is_exit and end.end is End.UNEXPLAINED):
            self._failed(slot, end.refusal, now)

    def waiting(self, slot: Slot, now: float) -> bool:
        """Whether nothing may be placed into the slot yet."""
        series = self._series.get(slot)
        everything = None if slot.kind.is_exit else self._all_quotes

        return any(held is not None and held.again_at > now for held in (series, everything))

    def escalates(self, slot: Slot, now: float) -> bool:
        """Whether an exit has been refused for so long, by a venue that is not just busy, that it goes at market."""
        series = self._series.get(slot)

        return (
            series is not None and not series.busy and series.first_at + ESCALATE_S <= now <= series.last_at + FORGET_S
        )

    def next_at(self, now: float) -> float | None:
        """When the next slot may be tried again, or escalates."""
        moments = [series.again_at for series in self._series.values()]
        moments += [series.first_at + ESCALATE_S for slot, series in self._series.items() if slot.kind.is_exit]

        if self._all_quotes is not None:
            moments.append(self._all_quotes.again_at)

        return min((moment for moment in moments if moment > now), default=None)

    def _failed(self, slot: Slot, refusal: Refusal | None, now: float) -> None:
        busy = refusal is not None and refusal.reason in _BUSY
        delays = EXIT_DELAYS_S if slot.kind.is_exit else QUOTE_DELAYS_S
        self._series[slot] = _next(self._series.get(slot), delays, busy=busy, now=now)

        if busy and not slot.kind.is_exit:
            self._all_quotes = _next(self._all_quotes, QUOTE_DELAYS_S[1:], busy=True, now=now)


def _next(series: _Series | None, delays: tuple[float, ...], *, busy: bool, now: float) -> _Series:
    if series is None or series.again_at + FORGET_S < now:
        series = _Series(now, now, 0, now, busy)

    again_at = now + delays[min(series.failures, len(delays) - 1)]

    return _Series(series.first_at, now, series.failures + 1, again_at, busy)
