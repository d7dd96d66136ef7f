"""How the price of a synthetic market moves, and what those who take know of it.

Two processes of the price's logarithm, in steps of a fixed length. `Reverting` comes back to where it began:
whoever waits there wins, which no market does. `Wandering` is a random walk that the displayed book follows late;
those who take know where it is already, so that a quote is filled most often just before it turns out to be wrong.
"""

from __future__ import annotations

import math
from random import Random
from typing import Protocol

import attrs

_EITHER = 0.5


class Walk(Protocol):
    """A price on its way: `deviation` is the logarithm of the displayed price over the one where it began."""

    deviation: float

    def lean(self) -> float:
        """Return the probability that the next taker buys."""

    def move(self, random: Random) -> None:
        """Go on by one step."""


class Course(Protocol):
    """What a walk is like. It begins as often as one wants."""

    def begin(self, step_s: float) -> Walk:
        """Return a walk of this kind, in steps of this length."""


@attrs.frozen(kw_only=True)
class Reverting:
    """An Ornstein-Uhlenbeck process: `sigma` per square root of a second, half of it gone after `half_life_s`."""

    sigma: float
    half_life_s: float

    def begin(self, step_s: float) -> Walk:
        """Return a walk of this kind, in exact discretisation."""
        decay, spread = _pull(self.half_life_s, step_s)

        return _Reverted(decay=decay, shock=self.sigma * spread)


@attrs.frozen(kw_only=True)
class Wandering:
    """A random walk of `sigma` per square root of a second. The displayed price is `lag_s` behind it.

    `informed`: by so much more often than not do those who take choose the side that the price is about to follow.
    `drift`: the walk leans to one side for a while, typically by so much a second, half forgotten after
    `drift_half_life_s`. `burst`: so much does the logarithm of sigma vary, half forgotten after `burst_half_life_s`.
    `jump`: the size of a typical jump, one every `jump_every_s` seconds on average; 0: there are none.
    """

    sigma: float
    lag_s: float = 0.2
    informed: float = 0.6
    drift: float = 0.0
    drift_half_life_s: float = 60.0
    burst: float = 0.0
    burst_half_life_s: float = 20.0
    jump: float = 0.0
    jump_every_s: float = 60.0

    def begin(self, step_s: float) -> Walk:
        """Return a walk of this kind."""
        return _Wandered(self, step_s)


@attrs.define(kw_only=True)
class _Reverted:
    decay: float
    shock: float
    deviation: float = 0.0

    def lean(self) -> float:
        return _EITHER

    def move(self, random: Random) -> None:
        self.deviation = self.deviation * self.decay + self.shock * random.gauss(0.0, 1.0)


class _Wandered:
    def __init__(self, course: Wandering, step_s: float) -> None:
        self.deviation = 0.0
        self._course = course
        self._step_s = step_s
        self._price = self._drift = self._heat = 0.0
        self._shock = course.sigma * math.sqrt(step_s)
        self._follow = 1 - math.exp(-step_s / course.lag_s)
        self._gap = self._shock / math.sqrt(1 - (1 - self._follow) ** 2)
        self._drift_decay, self._drift_shock = _pull(course.drift_half_life_s, step_s, typical=course.drift)
        self._heat_decay, self._heat_shock = _pull(course.burst_half_life_s, step_s, typical=course.burst)
        self._jump_chance = step_s / course.jump_every_s if course.jump else 0.0

    def lean(self) -> float:
        """Return the probability: informed takers look at how far the displayed price is behind."""
        return _EITHER + self._course.informed / 2 * math.tanh((self._price - self.deviation) / self._gap)

    def move(self, random: Random) -> None:
        """Move the price, and the displayed one after it."""
        course = self._course
        self._drift = self._drift * self._drift_decay + self._drift_shock * random.gauss(0.0, 1.0)
        self._heat = self._heat * self._heat_decay + self._heat_shock * random.gauss(0.0, 1.0)
        heat = math.exp(self._heat - course.burst**2)  # so that the variance on average is that of sigma
        self._price += self._drift * self._step_s + self._shock * heat * random.gauss(0.0, 1.0)

        if random.random() < self._jump_chance:
            self._price += course.jump * random.gauss(0.0, 1.0)

        self.deviation += (self._price - self.deviation) * self._follow


def _pull(half_life_s: float, step_s: float, typical: float | None = None) -> tuple[float, float]:
    """What is left of a deviation after a step, and the shock of a step.

    The shock is for one unit per square root of a second, or so that the deviation is typically so large.
    """
    pull = math.log(2) / half_life_s
    decay = math.exp(-pull * step_s)
    spread = math.sqrt((1 - decay**2) / (2 * pull)) if typical is None else typical * math.sqrt(1 - decay**2)

    return decay, spread
