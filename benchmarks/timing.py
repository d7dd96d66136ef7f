"""One figure from many times, on a machine that may be doing something else as well."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

BLOCK = 50


def quiet_median(times: Sequence[float], block: int = BLOCK) -> float:
    """The median of the quietest block of consecutive times: what others do on the machine can only add."""
    return min(median(times[start : start + block]) for start in range(0, max(1, len(times) - block + 1), block))
