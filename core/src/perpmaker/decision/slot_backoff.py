"""When a slot whose quote was refused, or thrown out by the venue, may be tried again. Exits have their own schedule.

Whatever a strategy wants, no slot turns into a storm of refused orders.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from perpmaker.model.order import Slot
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import End, SlotEnd

DELAYS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Pauses before the next try, by the number of failures in a row; the last one repeats."""

RULE_S = 60.0
"""How long a slot rests whose order the venue took off by a rule that no price cures."""

FORGET_S = 10.0
"""A failure this long after the slot was free again begins a new series."""

_BUSY = frozenset(
    {
        RefusalReason.RATE_LIMIT,
        RefusalReason.BUSY,
        RefusalReason.TIMESTAMP,
        RefusalReason.AUTHENTICATION,
        RefusalReason.TOO_MANY_ORDERS,
        RefusalReason.INSUFFICIENT_MARGIN,
    }
)


@attrs.frozen
class _Series:
    failures: int
    again_at: float


class SlotBackoffs:
    """Series of failures by slot; a refusal that concerns the account or the venue as a whole holds back all quotes."""

    def __init__(self) -> None:
        self._series: dict[Slot | None, _Series] = {}

    @property
    def is_holding(self) -> bool:
        """Whether any slot has failed."""
        return bool(self._series)

    def ended(self, slot: Slot, end: SlotEnd, now: float) -> None:
        """Take in how a quote ended."""
        if slot.kind.is_exit:
            return

        if end.filled_lots:
            self._series.pop(slot, None)
        elif not end.end.is_meant:
            self._failed_quote(slot, end, now)

    def _failed_quote(self, slot: Slot, end: SlotEnd, now: float) -> None:
        if end.end is End.RULE:
            self._series[slot] = _Series(1, now + RULE_S)
        elif end.end in {End.REFUSED, End.VENUE}:
            self._refused(slot, end.refusal, now)

    def not_amended(self, slot: Slot, refusal: Refusal, now: float) -> None:
        """A quote was not amended: it is replaced, and what is placed instead may be refused as well."""
        self._refused(slot, refusal, now)

    def waits(self, slot: Slot, now: float) -> bool:
        """Whether nothing may be placed into the slot yet."""
        if not self._series or slot.kind.is_exit:
            return False

        return any(series is not None and series.again_at > now for series in map(self._series.get, (slot, None)))

    def waiting(self, slots: Iterable[Slot], now: float) -> set[Slot]:
        """Those of the slots into which nothing may be placed yet."""
        return {slot for slot in slots if self.waits(slot, now)} if self._series else set()

    def until(self, slot: Slot, now: float) -> float | None:
        """When a quote may be placed into the slot again. None: at once."""
        waits = [series.again_at for one in (slot, None) if (series := self._series.get(one)) is not None]

        return max([at for at in waits if at > now], default=None)

    def next_at(self, now: float) -> float | None:
        """When the next slot may be tried again."""
        if not self._series:
            return None

        return min([series.again_at for series in self._series.values() if series.again_at > now], default=None)

    def _refused(self, slot: Slot, refusal: Refusal | None, now: float) -> None:
        """Hold the slot, or all of them, for the schedule's pause, and no shorter than the venue has said."""
        least_s = 0.0 if refusal is None else refusal.retry_after_s
        self._failed(slot, DELAYS_S, now, least_s)

        if _is_busy(refusal):
            self._failed(None, DELAYS_S[1:], now, least_s)

    def _failed(self, slot: Slot | None, delays: tuple[float, ...], now: float, least_s: float) -> None:
        series = self._series.get(slot)
        failures = 0 if series is None or series.again_at + FORGET_S < now else series.failures

        if slot is None and series is not None and series.again_at > now:  # one pause for quotes that went together
            self._series[slot] = _Series(series.failures, max(series.again_at, now + least_s))
            return

        self._series[slot] = _Series(failures + 1, now + max(least_s, delays[min(failures, len(delays) - 1)]))


def _is_busy(refusal: Refusal | None) -> bool:
    return refusal is not None and refusal.reason in _BUSY
