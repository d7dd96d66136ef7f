"""When orders were sent: what a limit of orders in a time counts. Amends count, as at venues; cancels do not."""

from __future__ import annotations

from bisect import bisect_right
from typing import Protocol

import attrs

KEPT_S = 3600.0
"""Seconds for which the time of an order is kept."""

_PRUNED_EVERY = 1000


class SentView(Protocol):
    """The orders that this run has sent, placed or amended, exits among them, in seconds of the engine's clock."""

    def count_after(self, at: float) -> int:
        """How many were sent later than `at`, which is at most an hour ago."""

    def newest(self, number: int) -> float | None:
        """When the newest but `number` - 1 was sent; None where there were fewer."""


class SentOrders:
    """The times, oldest first."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def note(self, now: float) -> None:
        """An order is sent."""
        self._times.append(now)

        if len(self._times) % _PRUNED_EVERY == 0:
            del self._times[: bisect_right(self._times, now - KEPT_S)]

    def count_after(self, at: float) -> int:
        """How many were sent later."""
        return len(self._times) - bisect_right(self._times, at)

    def newest(self, number: int) -> float | None:
        """When the newest but so many was sent."""
        return self._times[-number] if 0 < number <= len(self._times) else None


@attrs.frozen
class ReadOnlySent:
    """The same as plugins see it: made once, and can change nothing."""

    _sent: SentOrders

    def count_after(self, at: float) -> int:
        """How many orders were sent later than `at`."""
        return self._sent.count_after(at)

    def newest(self, number: int) -> float | None:
        """When the newest but `number` - 1 was sent; None where there were fewer."""
        return self._sent.newest(number)


NOTHING_SENT = ReadOnlySent(SentOrders())
"""A run that has sent nothing yet."""
