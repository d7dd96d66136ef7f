"""What stands in the type of a setting: its range, its unit. Read by the configuration, which words the faults.

A settings class is a frozen, keyword-only attrs class whose fields carry these in `Annotated`::

    @attrs.frozen(kw_only=True)
    class Settings:
        bid_spread: Annotated[Decimal, Percent(above=0, below=100)]
        order_levels: Annotated[int, Range(at_least=1)] = 1
        order_refresh_time: Annotated[float, Range(above=0)]

        def faults(self) -> Iterator[tuple[str, str]]:
            if ...:
                yield "minimum_spread", "must not be above bid_spread"

Ranges live in the type, because attrs validators run one after another and hide each other's faults. `faults`, where
a class has it, is for what depends on several keys: it yields (key, what is allowed).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol, runtime_checkable

import attrs


@attrs.frozen(kw_only=True)
class Range:
    """Bounds of a number; None is unbounded. `off`, when given, is the one value outside that means "off".

    The number that means off becomes None in the settings: -1 exists only at the edge of the file.
    """

    above: Decimal | int | None = None
    at_least: Decimal | int | None = None
    below: Decimal | int | None = None
    at_most: Decimal | int | None = None
    off: Decimal | int | None = None


@attrs.frozen(kw_only=True)
class Percent(Range):
    """A share: a bare number means percent, a string may carry its unit (`"0.1%"`, `"10bp"`).

    The bounds are in percent, the value in the settings is a fraction (0.1 -> Decimal("0.001")).
    """


@attrs.frozen(kw_only=True)
class Pattern:
    """What a text must look like: the whole of it matches `regex`; `words` says so to a person."""

    regex: str
    words: str


@runtime_checkable
class CrossChecked(Protocol):
    """A settings class with checks that need more than one key."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed) for each fault."""
