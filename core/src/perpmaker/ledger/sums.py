"""What entries come to: money by line and asset, fills, volume, and what fills won against the middle of the book."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import unique

import attrs

from perpmaker.ledger.assets import added, negated
from perpmaker.model.word import Word

ZERO = Decimal(0)


@unique
class Line(Word):
    """A line of the ledger. BY_HAND: profit and fees of orders that are not the bot's, on the same market."""

    REALIZED = "realized"
    FEES = "fees"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    OTHER = "other"
    TRANSFERS = "transfers"
    BY_HAND = "by_hand"


RESULT = (Line.REALIZED, Line.FEES, Line.FUNDING, Line.LIQUIDATION, Line.OTHER)
"""The lines whose sum is the bot's own result."""


@attrs.frozen
class Amount:
    """What one entry, or several that say the same, come to: signed from our side, in one asset, at a venue time."""

    venue_ms: int
    line: Line
    asset: str
    amount: Decimal


@attrs.define
class Sums:
    """Sums over a span of time. `spread` and `volume` are in quote asset, `unsplit` counts fills without a middle."""

    fills: int = 0
    volume: Decimal = ZERO
    spread: Decimal = ZERO
    unsplit: int = 0
    money: dict[tuple[Line, str], Decimal] = attrs.field(factory=dict)

    def book(self, amount: Amount, sign: int = 1) -> None:
        """Add an amount; with -1 take it back."""
        key = (amount.line, amount.asset)
        self.money[key] = self.money.get(key, ZERO) + sign * amount.amount

    def by_asset(self, *lines: Line) -> dict[str, Decimal]:
        """Return the sum of lines, asset by asset, signed from our side."""
        return added(*({asset: amount} for (line, asset), amount in self.money.items() if line in lines))

    @property
    def fees(self) -> dict[str, Decimal]:
        """Fees by asset, positive when paid."""
        return negated(self.by_asset(Line.FEES))

    @property
    def result(self) -> dict[str, Decimal]:
        """What the bot has earned by asset, as far as it is booked."""
        return self.by_asset(*RESULT)

    def add(self, other: Sums) -> None:
        """Add the sums of another span."""
        self.fills += other.fills
        self.volume += other.volume
        self.spread += other.spread
        self.unsplit += other.unsplit

        for key, amount in other.money.items():
            self.money[key] = self.money.get(key, ZERO) + amount


def together(days: Mapping[int, Sums]) -> Sums:
    """Return the sums of several days as one."""
    total = Sums()

    for sums in days.values():
        total.add(sums)

    return total
