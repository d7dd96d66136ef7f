"""Everybody else on the suite's market: a book that stands still until a test moves it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from perpmaker.clock import Clock
from perpmaker.model.order import Side
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rules import MarketRules
from perpmaker.simulation.script import ScriptedMarket

LEVELS: Final = 12
"""Levels a side."""

GAP: Final = 10
"""Ticks from the middle to the first level, and from each level to the next."""

DEEP_LOTS: Final = 100_000
"""Times the least amount of an order that each level holds."""


@attrs.define
class Stage:
    """Moves the market of a test, at once.

    `middle` is the price in the middle of the book, in ticks. Between the best bid and the best ask there is room for
    quotes of ours. `exchange` is there once the sandbox serves.
    """

    rules: MarketRules
    clock: Clock
    middle: int = 0
    script: ScriptedMarket = attrs.field(init=False)
    exchange: Exchange = attrs.field(init=False)
    _stirred: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        """Show the first book."""
        self.middle = self.rules.instrument.ticks_down(self.rules.price)
        bids, asks = self._ladder(Side.BUY), self._ladder(Side.SELL)
        self.script = ScriptedMarket(bids=bids, asks=asks, mark=self.rules.price)

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> None:
        """Let somebody take so many lots, no worse than the limit."""
        self.script.take(side, lots, limit_ticks)
        self._do()

    def move(self, ticks: int) -> None:
        """Move the book, and the mark price with it."""
        self.middle += ticks
        self.script.set_mark(self.rules.instrument.price(self.middle))
        self._show()

    def stir(self) -> None:
        """Make each level a lot thicker, which is news and changes no price."""
        self._stirred += 1
        self._show()

    def set_mark(
        self, mark: Decimal, *, funding_rate: Decimal = Decimal(0), next_funding_ms: int | None = None
    ) -> None:
        """Set the mark price, what funding costs, and when it is settled."""
        self.script.set_mark(mark, funding_rate=funding_rate, next_funding_ms=next_funding_ms)
        self._do()

    def _show(self) -> None:
        self.script.set_ladder(self._ladder(Side.BUY), self._ladder(Side.SELL))
        self._do()

    def _do(self) -> None:
        self.exchange.advance(self.clock.utc_ms())

    def _ladder(self, side: Side) -> list[tuple[int, int]]:
        rules = self.rules.instrument
        deep = DEEP_LOTS * max(1, rules.lots_down(rules.min_amount)) + self._stirred

        return [(self.middle - side.sign * GAP * level, deep + level) for level in range(1, LEVELS + 1)]
