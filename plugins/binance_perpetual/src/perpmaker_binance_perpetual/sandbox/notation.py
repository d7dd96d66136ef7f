"""How the venue writes numbers: as text, with the digits of the market's precision, money exact."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from perpmaker.model.instrument import Instrument

DISPLAY_DIGITS: Final = 8


def plain(value: Decimal) -> str:
    """The exact value, without an exponent."""
    return f"{value:f}"


def rounded(value: Decimal, digits: int = DISPLAY_DIGITS) -> str:
    """A derived figure (a mark, an average, a margin) to so many digits; nothing is ever booked from it."""
    return f"{value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN):f}"


def digits_of(step: Decimal) -> int:
    """Digits behind the point that a multiple of the step may need."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  # a step is finite

    return max(0, -exponent)


class Notation:
    """The market's notation. Prices have one digit more than the tick needs, as on the venue: precision is no tick."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self.price_digits = digits_of(instrument.tick) + 1
        self.amount_digits = digits_of(instrument.lot)

    def price(self, ticks: int | None) -> str:
        """A price in ticks; that of a market order is zero."""
        return self.price_value(self._instrument.price(ticks or 0))

    def price_value(self, price: Decimal) -> str:
        """A price that is exact to the market's digits."""
        return f"{price:.{self.price_digits}f}"

    def average(self, price: Decimal) -> str:
        """An average price, with three digits more than a price has."""
        return rounded(price, self.price_digits + 3)

    def amount(self, lots: int) -> str:
        """An amount in lots."""
        return self.amount_value(self._instrument.amount(lots))

    def amount_value(self, amount: Decimal) -> str:
        """An amount that is exact to the market's digits."""
        return f"{amount:.{self.amount_digits}f}"

    def levels(self, levels: tuple[tuple[int, int], ...]) -> list[tuple[str, str]]:
        """Book levels as (price, amount)."""
        return [(self.price(ticks), self.amount(lots)) for ticks, lots in levels]
