"""What is held, folded from the ledger's fills and readings, and what of its profit is not booked yet."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.ledger.entries import AccountEntry, FillEntry
from perpmaker.ledger.sums import ZERO
from perpmaker.model.order import PositionSide


@attrs.define
class _Held:
    amount: Decimal = ZERO
    entry: Decimal = ZERO
    filled_ms: int = 0

    def fill(self, change: Decimal, price: Decimal, venue_ms: int) -> None:
        before, after = self.amount, self.amount + change
        self.filled_ms = max(self.filled_ms, venue_ms)

        if after == 0:
            self.entry = ZERO
        elif before == 0 or (before > 0) != (after > 0):
            self.entry = price
        elif abs(after) > abs(before):
            self.entry = (before * self.entry + change * price) / after

        self.amount = after


@attrs.define
class Holding:
    """Positions by side, in base and signed. A reading is the truth, unless a newer fill is known."""

    _held: dict[PositionSide, _Held] = attrs.field(factory=dict)

    def fill(self, fill: FillEntry) -> None:
        """Apply an execution, ours or not."""
        held = self._held.setdefault(fill.position_side, _Held())
        held.fill(fill.side.sign * fill.amount, fill.price, fill.venue_ms)

    def read(self, account: AccountEntry) -> bool:
        """Take over a reading. False where a fill is known that it may not have."""
        told = {position.side: position for position in account.positions}

        if any(held.filled_ms > account.at_ms for held in self._held.values()):
            return False

        for side in self._held.keys() - told.keys():
            self._held[side] = _Held(filled_ms=self._held[side].filled_ms)

        for side, position in told.items():
            filled_ms = self._held[side].filled_ms if side in self._held else 0
            self._held[side] = _Held(position.amount, position.entry, filled_ms)

        return True

    @property
    def amount(self) -> Decimal:
        """The sum of what is held, in base; a long and a short of Hedge mode together."""
        return sum((held.amount for held in self._held.values()), ZERO)

    def unrealized(self, price: Decimal | None) -> Decimal | None:
        """Profit of the open positions at a price; None while the price or an entry is not known."""
        total = ZERO

        for held in self._held.values():
            if held.amount:
                if price is None or held.entry <= 0:
                    return None

                total += held.amount * (price - held.entry)

        return total
