"""The seeded synthetic market: a price on its way, a ladder around it, and people who take.

Steps are at fixed times on the venue's clock, so that the same seed is the same market however often somebody looks
at it. Its random numbers do not depend on what the accounts do.

The default shape is calibrated: over an hour, 1 s volatility and variance ratio (60 s over 1 s) of every seed are
within the range of recordings of BTC perpetuals (0.4 to 1.3 basis points, 0.5 to 2.8). It is a market to see a bot
at work in, and says nothing about profit: nobody there reacts to anybody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.participants import Participants
from perpmaker.simulation.walk import Course, Reverting, Wandering

_MARK_MS = 1_000
_SIZES = 997


@attrs.frozen(kw_only=True)
class Shape:
    """How the synthetic market behaves: the `course` of its price, its ladder, and those who take.

    `levels` a side: the touch, `touch_notional` quote thick and half of `spread` away from the price, and behind it
    round prices `gap` apart, `depth` times as thick. Every `step_ms` somebody takes, one and a half times `sweep`
    touches on average, and the ladder follows the price. The mark is anywhere within `mark_noise` of it. Distances are
    fractions of the price.
    """

    course: Course
    step_ms: int = 100
    levels: int = 20
    spread: float = 0.000005
    gap: float = 0.00002
    touch_notional: float = 15_000.0
    depth: float = 2.5
    sweep: float = 1.0
    basis: float = 0.0001
    mark_noise: float = 0.0
    funding_rate: Decimal = Decimal("0.0001")


_RECORDED = Shape(course=Wandering(sigma=0.000112), spread=0.0, touch_notional=60_000.0, sweep=0.12)

SHAPES: Final[Mapping[str, Shape]] = {
    "calm": _RECORDED,
    "trend": attrs.evolve(_RECORDED, course=Wandering(sigma=0.000105, drift=0.0000125)),
    "wild": attrs.evolve(
        _RECORDED, course=Wandering(sigma=0.00025, burst=0.5, jump=0.0012, jump_every_s=45.0), sweep=0.5
    ),
    "practice": Shape(course=Reverting(sigma=0.0005, half_life_s=5.0)),
    "thin": Shape(
        course=Wandering(sigma=0.0001),
        step_ms=2_000,
        spread=0.0008,
        gap=0.0002,
        touch_notional=5_000.0,
        sweep=0.2,
        mark_noise=0.0003,
    ),
}
"""The shapes by name. `calm` is calibrated, `trend` leans for minutes, `wild` is beyond what recordings show (bursts
and jumps, for stops); in `practice` the price always comes back, so that every target is filled within seconds; `thin`
is like the books of test networks: wide, seldom traded, and the mark goes its own way."""

DEFAULT_SHAPE: Final = "calm"


class SyntheticMarket:
    """Everybody else, from a seed. `price` is where it begins, `shape` one of `SHAPES`."""

    def __init__(
        self, instrument: Instrument, *, price: Decimal, seed: int, start_ms: int, shape: str = DEFAULT_SHAPE
    ) -> None:
        self.paused = False
        self._instrument = instrument
        self._shape = SHAPES[shape]
        self._random = Random(seed)  # noqa: S311  # a market to practise on, nothing to keep secret
        self._tick = float(instrument.tick)
        self._anchor = float(price)
        self._next_ms = self._mark_ms = start_ms
        self._touch_lots = max(round(self._shape.touch_notional / (self._anchor * float(instrument.lot))), 1)
        self._gap = max(round(self._anchor / self._tick * self._shape.gap), 1)
        self._thickness = [self._random.uniform(0.5, 1.5) for _ in range(_SIZES)]
        self._walk = self._shape.course.begin(self._shape.step_ms / 1000)

    @property
    def next_ms(self) -> int | None:
        """When the next step is due."""
        return self._next_ms

    @property
    def price(self) -> float:
        """The price in the middle of the ladder."""
        return self._anchor * math.exp(self._walk.deviation)

    def jump(self, ratio: float) -> None:
        """Move the price, and where it began, by this factor with the next step."""
        self._anchor *= ratio

    def step(self, crowd: Participants) -> None:
        """Let others take, and move the price with its ladder, and the mark once a second."""
        self._take(crowd)
        self._walk.move(self._random)
        self._show(crowd)

        if self._next_ms >= self._mark_ms:
            self._publish_mark(crowd)
            self._mark_ms += _MARK_MS

        self._next_ms += self._shape.step_ms

    def _take(self, crowd: Participants) -> None:
        side = Side.BUY if self._random.random() < self._walk.lean() else Side.SELL
        lots = math.ceil(self._touch_lots * self._shape.sweep * self._random.uniform(0.5, 2.5))

        if not self.paused:
            crowd.take(side, lots)

    def _show(self, crowd: Participants) -> None:
        middle = self.price / self._tick
        half = max(middle * self._shape.spread / 2, 0.5)
        crowd.set_ladder(
            self._ladder(math.floor(middle - half), Side.BUY.sign),
            self._ladder(math.ceil(middle + half), Side.SELL.sign),
        )

    def _ladder(self, touch: int, sign: int) -> list[tuple[int, int]]:
        # Behind the touch people sit at round prices, and how many depends on the price alone: a level that stays
        # while the price moves keeps its size and its queue.
        step = -sign * self._gap
        behind = sign * (sign * touch // self._gap) * self._gap

        if behind == touch:
            behind += step

        thickness, deep = self._thickness, self._touch_lots * self._shape.depth
        ladder = [(touch, 1 + int(self._touch_lots * thickness[touch % _SIZES]))]
        ladder += [
            (ticks, 1 + int(deep * thickness[ticks % _SIZES]))
            for ticks in range(behind, behind + step * (self._shape.levels - 1), step)
            if ticks > 0
        ]

        return ladder

    def _publish_mark(self, crowd: Participants) -> None:
        cent = self._instrument.tick / 10
        noise = self._shape.mark_noise
        away = self._random.uniform(-noise, noise) if noise else 0.0
        mark = Decimal(self.price * (1 + away)).quantize(cent)
        index = Decimal(self.price * (1 - self._shape.basis)).quantize(cent)
        crowd.set_mark(mark, index, self._shape.funding_rate)
