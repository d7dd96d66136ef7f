"""Entry prices of positions, from our own fills: the Indexer's averages all that was ever opened. Pure.

A partial close takes its share out of the cost and is rounded once, so that profit and cost add up to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from perpmaker.venue import Fill

_MONEY = Decimal("0.00000001")
_ZERO = Decimal(0)


@attrs.define
class Entry:
    """A position as its fills make it: `amount` is signed, `cost` what it cost, positive.

    `is_whole`: it was flat where the fills began.
    """

    amount: Decimal = _ZERO
    cost: Decimal = _ZERO
    is_whole: bool = False
    _seen: set[str] = attrs.field(factory=set)

    def fold(self, fills: Iterable[Fill]) -> list[tuple[Fill, Decimal]]:
        """Take in fills, oldest first, each once; return those that are new with the profit that each realised."""
        new = [fill for fill in fills if fill.trade_id not in self._seen]

        return [(fill, self._book(fill)) for fill in new]

    def price(self, amount: Decimal) -> Decimal | None:
        """Return the entry price of a position of this amount; None where the fills make another one."""
        if not self.is_whole or not amount or amount != self.amount:
            return None

        return self.cost / abs(amount)

    @property
    def paid(self) -> Decimal:
        """What was paid for the position; below zero what was received for it."""
        return self.cost.copy_sign(self.amount)

    def _book(self, fill: Fill) -> Decimal:
        self._seen.add(fill.trade_id)
        sign = fill.side.sign
        closed = min(fill.amount, abs(self.amount)) if self.amount * sign < 0 else _ZERO
        realized = _ZERO

        if closed:
            size = abs(self.amount)
            cost = self.cost if closed == size else (self.cost * closed / size).quantize(_MONEY)
            realized = -sign * (closed * fill.price - cost)
            self.cost -= cost

        self.cost += (fill.amount - closed) * fill.price
        self.amount += sign * fill.amount
        self.is_whole |= not self.amount

        return realized
