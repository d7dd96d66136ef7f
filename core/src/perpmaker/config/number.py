"""Numbers of a configuration: whole, decimal, in percent; bounds in words; what is off; what no market means."""

from __future__ import annotations

import re
from decimal import Decimal

from perpmaker.model.setting import Percent, Range

LARGEST = Decimal(10) ** 15
_SMALLEST = Decimal(10) ** -18
_WITH_UNIT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(%|bp)")
_PERCENT_OF = {"%": Decimal(1), "bp": Decimal("0.01")}
_SIGNS = (("above", "above"), ("at_least", "at least"), ("below", "below"), ("at_most", "at most"))
_NOUNS: dict[type, str] = {int: "a whole number", float: "a number", Decimal: "a number"}


class TooLargeError(ValueError):
    """A number is larger than any that means something here, whatever the bounds of its key."""


def number_words(kind: type, bounds: Range) -> str:
    """Return what is allowed, in words: `must be a whole number, at least 1`."""
    noun = (
        'a number (percent) or a text with its unit ("0.1%", "10bp")' if isinstance(bounds, Percent) else _NOUNS[kind]
    )
    limits = [f"{word} {getattr(bounds, name)}" for name, word in _SIGNS if getattr(bounds, name) is not None]
    off = "" if bounds.off is None else f", or {bounds.off} (off)"
    limit = f", {' and '.join(limits)}" if limits else ""

    return f"must be {noun}{limit}{off}"


def read_number(kind: type, bounds: Range, value: object) -> Decimal | int | float | None:
    """Return the number in the type and unit of the settings, None for the one that means off.

    ValueError otherwise.
    """
    number = _exact(kind, bounds, value)

    if bounds.off is not None and number == bounds.off:
        return None

    if not _is_within(number, bounds):
        raise ValueError

    if kind is int:
        return int(number)

    if kind is float:
        return float(number)

    return number / 100 if isinstance(bounds, Percent) else number


def _exact(kind: type, bounds: Range, value: object) -> Decimal:
    """The number as written, as a Decimal of sane size; never -0."""
    if isinstance(value, str) and isinstance(bounds, Percent):
        match = _WITH_UNIT.fullmatch(value.strip())

        if match is None:
            raise ValueError

        value = Decimal(match[1]) * _PERCENT_OF[match[2]]

    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or (kind is int and isinstance(value, Decimal)):
        raise ValueError

    # Compared before it becomes a Decimal: a whole number of 4,000 digits is cheap to refuse and dear to convert.
    if isinstance(value, int) and abs(value) > LARGEST:
        raise TooLargeError

    number = Decimal(value)

    if not number.is_finite():
        raise ValueError

    if abs(number) > LARGEST:
        raise TooLargeError

    if number and abs(number) < _SMALLEST:
        raise ValueError

    return number or Decimal(0)


def _is_within(number: Decimal, bounds: Range) -> bool:
    """Whether a number is inside the bounds."""
    return (
        (bounds.above is None or number > bounds.above)
        and (bounds.at_least is None or number >= bounds.at_least)
        and (bounds.below is None or number < bounds.below)
        and (bounds.at_most is None or number <= bounds.at_most)
    )
