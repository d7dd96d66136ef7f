"""Numbers as venues write them: as text, money exact, derived figures rounded."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from perpmaker.model.instrument import Instrument

DISPLAY_DIGITS: Final = 8


def plain(value: Decimal) -> str:
    """Return the exact value, without an exponent."""
    return f"{value:f}"


def rounded(value: Decimal, digits: int = DISPLAY_DIGITS) -> str:
    """Return a derived figure (a mark, an average, a margin) to so many digits; nothing is ever booked from it."""
    return f"{value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN):f}"


def digits_of(value: Decimal) -> int:
    """Return how many digits behind the point the value needs."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  # no infinity comes from a parameter or an instrument

    return max(0, -exponent)


class Notation:
    """A market's notation.

    Args:
        instrument: the market.
        further_digits: how many digits a price has more than the tick needs.
    """

    def __init__(self, instrument: Instrument, *, further_digits: int = 0) -> None:
        self._instrument = instrument
        self.price_digits = digits_of(instrument.tick) + further_digits
        self.amount_digits = digits_of(instrument.lot)

    def price(self, ticks: int | None) -> str:
        """Write a price in ticks; that of a market order is zero."""
        return self.price_value(self._instrument.price(ticks or 0))

    def price_value(self, price: Decimal) -> str:
        """Write a price that is exact to the market's digits."""
        return f"{price:.{self.price_digits}f}"

    def average(self, price: Decimal) -> str:
        """Write an average price, with three digits more than a price has."""
        return rounded(price, self.price_digits + 3)

    def amount(self, lots: int) -> str:
        """Write an amount in lots."""
        return self.amount_value(self._instrument.amount(lots))

    def amount_value(self, amount: Decimal) -> str:
        """Write an amount that is exact to the market's digits."""
        return f"{amount:.{self.amount_digits}f}"

    def levels(self, levels: tuple[tuple[int, int], ...]) -> list[tuple[str, str]]:
        """Write book levels as (price, amount)."""
        return [(self.price(ticks), self.amount(lots)) for ticks, lots in levels]
