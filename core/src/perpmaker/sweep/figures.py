"""What one point came to: what a sweep keeps of a backtest, and the row of the file that holds it."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, unique
from typing import Final

import attrs

BASIS_POINTS: Final = 10_000


@attrs.frozen(kw_only=True)
class Figures:
    """What a backtest of one window came to, in the quote asset. `drawdown` is positive."""

    result: Decimal
    fees: Decimal
    funding: Decimal
    turnover: Decimal
    drawdown: Decimal
    fills: int


@unique
class Objective(Enum):
    """What makes one point better than another."""

    RESULT = "result"
    TURNOVER = "bp-of-turnover"
    DRAWDOWN = "result-over-drawdown"

    def of(self, figures: Figures) -> Decimal:
        """Return the score, larger is better. Without a turnover or a drawdown it is the result's sign, or 0."""
        if self is Objective.RESULT:
            return figures.result

        divisor = figures.turnover if self is Objective.TURNOVER else figures.drawdown
        scale = BASIS_POINTS if self is Objective.TURNOVER else 1

        if not divisor:
            return figures.result.compare(Decimal(0))

        return figures.result * scale / divisor


@attrs.frozen(kw_only=True)
class Row:
    """One point with what it came to, or why it could not be played.

    `key` names code, settings and data (`perpmaker.sweep.task`). `out_of_sample` is None where nothing was set aside.
    """

    key: str
    number: int
    values: tuple[tuple[str, str], ...]
    in_sample: Figures | None = None
    out_of_sample: Figures | None = None
    refusal: str = ""
