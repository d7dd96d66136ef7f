"""Which points a sweep plays: what `--over` asks for, and every combination of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, InvalidOperation
from itertools import product
from typing import Final

import attrs

from perpmaker.errors import SweepError

MOST_POINTS: Final = 100_000
"""Points of a grid at most: what asks for more has a mistake in it, or no end."""

MOST_DIGITS: Final = 30
"""Of a number before or behind its point: one with more is a slip, and nobody can read it."""

_DIGITS = Context(prec=9)
"""Of a value between two ends: further ones mean nothing to a spread, and make a key that nobody can read."""

_KEY = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_HOW = "KEY=LOW..HIGH:COUNT, KEY=LOW..HIGH or KEY=VALUE,VALUE"


@attrs.frozen(kw_only=True)
class Axis:
    """One key with what it is varied over: the values of a grid, or a whole range (`values` is empty then)."""

    key: str
    values: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_range(self) -> bool:
        """Whether any value between its ends may be asked for, which only a search can do."""
        return not self.values

    @property
    def ends(self) -> tuple[str, ...]:
        """Its ends as a configuration has them."""
        return tuple(decimal_text(end) for end in (self.low, self.high) if end is not None)


@attrs.frozen(kw_only=True, order=True)
class Point:
    """Settings that are played together: `number` from 0 in the order they were asked for, a value for each key."""

    number: int
    values: tuple[tuple[str, str], ...]

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values as `--set` takes them."""
        return tuple(f"{key}={value}" for key, value in self.values)

    def __str__(self) -> str:
        """Render as a person would write it down."""
        return " ".join(self.overrides)


def parse_axis(text: str) -> Axis:
    """Read what `--over` was given. SweepError says what is wrong with it."""
    key, equals, rest = text.partition("=")
    key, rest = key.strip(), rest.strip()

    if not equals or not rest or _KEY.fullmatch(key) is None:
        raise SweepError(f"--over {text!r} is none of {_HOW}")

    low, dots, high = rest.partition("..")

    if not dots:
        return Axis(key=key, values=_listed(rest, text))

    high, colon, count = high.partition(":")
    ends = _number(low, text), _number(high, text)

    if ends[0] >= ends[1]:
        raise SweepError(f"--over {text!r}: {low.strip()} is not below {high.strip()}")

    if not colon:
        return Axis(key=key, low=ends[0], high=ends[1])

    return Axis(key=key, values=_spaced(*ends, _count(count, text)), low=ends[0], high=ends[1])


def grid(axes: Sequence[Axis]) -> Iterator[Point]:
    """Every combination of the axes' values; the last axis changes fastest. None of them may be a whole range."""
    names = [axis.key for axis in axes]

    for number, values in enumerate(product(*(axis.values for axis in axes))):
        yield Point(number=number, values=tuple(zip(names, values, strict=True)))


def check_axes(axes: Sequence[Axis]) -> None:
    """Refuse, with SweepError, axes that cannot be one grid or one search."""
    keys = [axis.key for axis in axes]
    twice = sorted({key for key in keys if keys.count(key) > 1})

    if twice:
        raise SweepError(f"--over names {twice[0]} twice: give all of its values in one")

    size = 1

    for axis in axes:
        size *= len(axis.values) or 1

    if size > MOST_POINTS:
        raise SweepError(f"--over asks for {size:,} points; {MOST_POINTS:,} is the most. Search instead: --points N")


def decimal_text(value: Decimal) -> str:
    """Return a number as a configuration has it: no exponent, no zeros behind that mean nothing."""
    value = value.normalize(_DIGITS)

    return format(value, "f")


def _listed(rest: str, text: str) -> tuple[str, ...]:
    values = tuple(value.strip() for value in rest.split(","))

    if not all(values) or len(set(values)) < len(values):
        raise SweepError(f"--over {text!r}: a value is empty, or there twice")

    return values


def _spaced(low: Decimal, high: Decimal, count: int) -> tuple[str, ...]:
    """Values at equal distances, both ends among them."""
    width = high - low
    values = [decimal_text(low + width * part / (count - 1)) for part in range(count)]

    return (*values[:-1], decimal_text(high))


def _number(word: str, text: str) -> Decimal:
    try:
        number = Decimal(word.strip())
    except InvalidOperation:
        raise SweepError(f"--over {text!r}: {word.strip()!r} is not a number") from None

    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise SweepError(f"--over {text!r}: {word.strip()} is not a number that can be set")

    return number


def _count(word: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", word.strip()) or int(word) < len(("low", "high")):
        raise SweepError(
            f"--over {text!r}: {word.strip()!r} is no count of values (2 or more, both ends are among them)"
        )

    return int(word)
