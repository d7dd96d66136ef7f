"""The spot market beside a simulated perpetual: it follows the index price of the other one."""

from __future__ import annotations

import math
from decimal import Decimal

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.participants import Participants

STEP_MS = 250
_LEVELS = 5
_LOTS = 1_000


class SpotMarket:
    """Best bid and ask a tick around the leader's index price, and a small trade a step, on each side in turn.

    It never looks at the leader's book, so that nobody's orders there move the price here. `price` is where it stands
    until it has a `leader`.
    """

    def __init__(self, instrument: Instrument, *, price: Decimal, start_ms: int) -> None:
        self.leader: Exchange | None = None
        self._instrument = instrument
        self._price = price
        self._taker = Side.BUY
        self._next_ms = start_ms

    @property
    def next_ms(self) -> int | None:
        """When the next step is due."""
        return self._next_ms

    @property
    def price(self) -> Decimal:
        """The price that it stands at."""
        return self._price if self.leader is None else self.leader.index

    def step(self, crowd: Participants) -> None:
        """Stand where the leader's index price is, and let a participant take a little."""
        middle = self.price / self._instrument.tick
        bid, ask = math.ceil(middle) - 1, math.floor(middle) + 1
        crowd.set_ladder(
            [(bid - step, _LOTS) for step in range(_LEVELS) if bid > step],
            [(ask + step, _LOTS) for step in range(_LEVELS)],
        )
        crowd.take(self._taker, 1)
        crowd.set_mark(self.price, self.price, Decimal(0))
        self._taker = self._taker.opposite
        self._next_ms += STEP_MS
