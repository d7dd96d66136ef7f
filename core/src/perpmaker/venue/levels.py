"""Price levels of a venue's book, as text, to ticks and lots. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeAlias

from perpmaker.connector.payload import parse_amount, parse_price
from perpmaker.errors import PayloadError
from perpmaker.model.instrument import Instrument

Levels: TypeAlias = Sequence[tuple[str, str]]
"""(price, amount) pairs as a venue writes them; an amount of 0 removes the level."""

TicksAndLots: TypeAlias = tuple[tuple[int, int], ...]
"""The same pairs in whole ticks and lots."""

_CACHE_SIZE = 65_536
_MAX_PLACES = 10
_MAX_DIGITS = 18


class LevelTranslator:
    """Translates the price levels of one market.

    A price must be a multiple of the tick. An amount may lie between two lots, because orders of other people may:
    whole lots are counted then.

    Args:
        instrument: the market's steps.
        exact_amounts: whether an amount between two lots is refused too: it may be of another market.
    """

    def __init__(self, instrument: Instrument, *, exact_amounts: bool = False) -> None:
        def ticks(text: str) -> int:
            try:
                return instrument.exact_ticks(parse_price(text, path="$.price"))
            except ValueError as error:
                raise PayloadError(str(error), path="$.price") from None

        def lots(text: str) -> int:
            amount = parse_amount(text, path="$.quantity")

            try:
                return instrument.exact_lots(amount) if exact_amounts else instrument.lots_down(amount)
            except ValueError as error:
                raise PayloadError(str(error), path="$.quantity") from None

        self._ticks = _StepCache(instrument.tick, ticks)
        self._lots = _StepCache(instrument.lot, lots)

    def translate(self, levels: Levels) -> TicksAndLots:
        """Translate levels in the order given.

        Raises:
            PayloadError: a price is no multiple of the tick or not positive, or an amount is negative or no number.
        """
        ticks, lots = self._ticks, self._lots

        return tuple([(ticks[price], lots[amount]) for price, amount in levels])


class _StepCache(dict[str, int]):
    """Whole steps by number text.

    In a lively market nine of ten texts are already known, and a lookup costs a hundredth of Decimal's arithmetic.
    A new text of plain digits is counted in integers. `count_exactly` judges everything else.
    """

    def __init__(self, step: Decimal, count_exactly: Callable[[str], int]) -> None:
        super().__init__()
        self._count_exactly = count_exactly
        scaled = {places: step.scaleb(places) for places in range(_MAX_PLACES)}
        self._step_by_places = {places: int(size) for places, size in scaled.items() if size == int(size)}

    def __missing__(self, text: str) -> int:
        # One piece of code and not two functions: this runs several times for each message of the book.
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        step = self._step_by_places.get(len(fraction))
        count, rest = 0, 0

        if step is not None and len(digits) <= _MAX_DIGITS and digits.isascii() and digits.isdigit():
            count, rest = divmod(int(digits), step)

        if rest or not count:
            count = self._count_exactly(text)

        if len(self) >= _CACHE_SIZE:
            self.clear()

        self[text] = count

        return count
