"""One figure from many times, on a machine that may be doing something else as well."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from statistics import median

import attrs

BLOCK = 50


@attrs.define
class Spread:
    """Pauses after every so many repeats, so that one busy moment of the machine does not hold all of them."""

    every: int
    pause_s: float
    _number: count[int] = attrs.field(factory=count, init=False)

    def __call__(self) -> None:
        """One repeat is about to be measured."""
        if next(self._number) % self.every == 0:
            time.sleep(self.pause_s)


def quiet_median(times: Sequence[float], block: int = BLOCK) -> float:
    """The median of the quietest block of consecutive times: what others do on the machine can only add."""
    return min(median(times[start : start + block]) for start in range(0, max(1, len(times) - block + 1), block))
