"""The seeded synthetic market: a price that wanders and comes back, a ladder around it, and people who take.

The logarithm of the price follows an Ornstein-Uhlenbeck process in exact discretisation: `sigma` per square root of
a second, and half of every deviation gone after `half_life_s`. Steps are at fixed times on the venue's clock, so
that the same seed is the same market however often somebody looks at it. Its random numbers do not depend on what
the accounts do.
"""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.crowd import Crowd

_MARK_MS = 1_000
_SIZES = 997


@attrs.frozen(kw_only=True)
class Shape:
    """How the synthetic market behaves.

    `levels` a side: the touch, `touch_notional` quote thick and half of `spread` away from the price, and behind it
    round prices `gap` apart, `depth` times as thick. Every `step_ms` somebody takes, one and a half times `sweep`
    touches on average, and the ladder follows the price. Distances are fractions of the price.
    """

    sigma: float = 0.0005
    half_life_s: float = 5.0
    step_ms: int = 100
    levels: int = 20
    spread: float = 0.000005
    gap: float = 0.00002
    touch_notional: float = 15_000.0
    depth: float = 2.5
    sweep: float = 1.0
    basis: float = 0.0001
    funding_rate: Decimal = Decimal("0.0001")


class SyntheticMarket:
    """Everybody else, from a seed. `price` is the price it comes back to."""

    def __init__(
        self, instrument: Instrument, *, price: Decimal, seed: int, start_ms: int, shape: Shape | None = None
    ) -> None:
        self.paused = False
        self._instrument = instrument
        self._shape = shape or Shape()
        self._random = Random(seed)  # noqa: S311  # a market to practise on, nothing to keep secret
        self._tick = float(instrument.tick)
        self._anchor = float(price)
        self._deviation = 0.0
        self._next_ms = self._mark_ms = start_ms
        self._touch_lots = max(round(self._shape.touch_notional / (self._anchor * float(instrument.lot))), 1)
        self._gap = max(round(self._anchor / self._tick * self._shape.gap), 1)
        self._thickness = [self._random.uniform(0.5, 1.5) for _ in range(_SIZES)]
        elapsed = self._shape.step_ms / 1000
        pull = math.log(2) / self._shape.half_life_s
        self._decay = math.exp(-pull * elapsed)
        self._shock = self._shape.sigma * math.sqrt((1 - self._decay**2) / (2 * pull))

    @property
    def next_ms(self) -> int | None:
        """When the next step is due."""
        return self._next_ms

    @property
    def price(self) -> float:
        """The price in the middle of the ladder."""
        return self._anchor * math.exp(self._deviation)

    def jump(self, ratio: float) -> None:
        """Move the price, and where it comes back to, by this factor with the next step."""
        self._anchor *= ratio

    def step(self, crowd: Crowd) -> None:
        """Somebody takes, the price moves, the ladder follows; once a second the mark does."""
        self._take(crowd)
        self._deviation = self._deviation * self._decay + self._shock * self._random.gauss(0.0, 1.0)
        self._show(crowd)

        if self._next_ms >= self._mark_ms:
            self._publish_mark(crowd)
            self._mark_ms += _MARK_MS

        self._next_ms += self._shape.step_ms

    def _take(self, crowd: Crowd) -> None:
        side = Side.BUY if self._random.random() < 0.5 else Side.SELL  # noqa: PLR2004  # either side alike
        lots = math.ceil(self._touch_lots * self._shape.sweep * self._random.uniform(0.5, 2.5))

        if not self.paused:
            crowd.take(side, lots)

    def _show(self, crowd: Crowd) -> None:
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

    def _publish_mark(self, crowd: Crowd) -> None:
        cent = self._instrument.tick / 10
        mark = Decimal(self.price).quantize(cent)
        index = Decimal(self.price * (1 - self._shape.basis)).quantize(cent)
        crowd.set_mark(mark, index, self._shape.funding_rate)
