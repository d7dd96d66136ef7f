"""How long to wait before trying again: at once, then ever longer, never all at the same moment."""

from __future__ import annotations

from random import Random

FIRST_S = 0.1
STEP_S = 0.25
CAP_S = 10.0


class Backoff:
    """The waits of one thing that is tried again: the first under 100 ms, then doubling from 0.25 s to 10 s.

    Each is shortened by up to a half, from a seeded source, so that many bots do not come back in step and the same
    seed waits the same.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0

    def reset(self) -> None:
        """It worked: the next failure is a first one again."""
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        longest = FIRST_S if self._failures == 0 else min(CAP_S, STEP_S * 2 ** (min(self._failures, 16) - 1))
        self._failures += 1

        return longest * (0.5 + self._random.random() / 2)
