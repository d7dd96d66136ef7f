"""What people are told: one line a minute of each cause; how often it happened meanwhile stands in the next one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from decimal import Decimal

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.position import Position

QUIET_S = 60.0
"""How long a cause that was told of is not told of again."""


def plain(number: Decimal) -> str:
    """A number as people write it: without exponent and trailing zeros."""
    return f"{number.normalize():f}"


def size_of(position: Position, instrument: Instrument) -> str:
    """An open position as a person says it: `long 1 BTC`."""
    side = "long" if position.amount > 0 else "short"

    return f"{side} {plain(abs(position.amount))} {instrument.base}"


@attrs.frozen
class _Told:
    at: float
    since: int = 0


class Notices:
    """Remembers, by cause, when it was last told of. Causes are few: an order is none, losing orders is one."""

    def __init__(self) -> None:
        self._told: dict[Hashable, _Told] = {}

    def say(self, cause: Hashable, text: str, now: float) -> Iterator[str]:
        """Yield the text, unless the cause was told of within the last minute."""
        told = self._told.get(cause)

        if told is not None and now < told.at + QUIET_S:
            self._told[cause] = _Told(told.at, told.since + 1)
            return

        self._told[cause] = _Told(now)
        yield text if told is None or not told.since else f"{text} (and {told.since} more like it before)"
