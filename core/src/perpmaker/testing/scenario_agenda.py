"""What is to happen when, on a clock that stands still until somebody moves it."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TypeAlias

Act: TypeAlias = Callable[[], None]

_NANOSECONDS = 9


class Agenda:
    """Acts by their time, in seconds since the scenario began; those of one instant in the order they were put."""

    def __init__(self) -> None:
        self.now = 0.0
        self._acts: list[tuple[float, int, Act]] = []
        self._order = count()

    def after(self, seconds: float, act: Act) -> None:
        """Do this so many seconds from now (0: within this instant)."""
        heappush(self._acts, (moment(self.now + seconds), next(self._order), act))

    @property
    def next_at(self) -> float:
        """When the next act is due; infinite when there is none."""
        return self._acts[0][0] if self._acts else inf

    def run_due(self) -> None:
        """Do everything that is due, and what that puts into the same instant."""
        while self.next_at <= self.now:
            _, _, act = heappop(self._acts)
            act()


def moment(seconds: float) -> float:
    """A time to the nanosecond, so that sums of delays meet."""
    return round(seconds, _NANOSECONDS)
