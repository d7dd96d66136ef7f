"""Scores laid out over two keys: for each pair of their values the best point in sample, and what it was outside."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import attrs

from perpmaker.sweep.figures import Objective, Row
from perpmaker.sweep.space import decimal_text

MOST_LINES: Final = 16
"""Values of a key that have a line of their own; more of them, as a search draws, share bands."""

BANDS: Final = 8


@attrs.frozen(kw_only=True)
class Cell:
    """The best point in sample of a pair of values: its score there, and outside (None: nothing was set aside)."""

    inside: Decimal
    outside: Decimal | None
    number: int


@attrs.frozen(kw_only=True)
class HeatMap:
    """Cells by line and column; None where no point was played. `down` is empty where only one key was varied.

    `others` are the keys that are in neither: a cell is the best over their values.
    """

    across: str
    down: str
    columns: tuple[str, ...]
    lines: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    others: tuple[str, ...]


def heat_map(rows: Sequence[Row], objective: Objective, keys: Sequence[str]) -> HeatMap:
    """Lay out the first two keys (the first goes down the side, the second across; one alone goes across)."""
    down, across = (keys[0], keys[1]) if len(keys) > 1 else ("", keys[0])
    columns, lines = _Bands(across, rows), _Bands(down, rows)
    best: dict[tuple[int, int], Cell] = {}

    for row in rows:
        if row.in_sample is None:
            continue

        score = objective.of(row.in_sample)
        place = lines.of(row), columns.of(row)

        if place not in best or score > best[place].inside:
            outside = None if row.out_of_sample is None else objective.of(row.out_of_sample)
            best[place] = Cell(inside=score, outside=outside, number=row.number)

    return HeatMap(
        across=across,
        down=down,
        columns=columns.names,
        lines=lines.names,
        cells=tuple(
            tuple(best.get((line, column)) for column in range(len(columns.names))) for line in range(len(lines.names))
        ),
        others=tuple(keys[2:]),
    )


class _Bands:
    """The values of a key as lines: each for itself where they are few, else equal bands of numbers."""

    def __init__(self, key: str, rows: Sequence[Row]) -> None:
        self._key = key
        texts = sorted({dict(row.values)[key] for row in rows}, key=_order) if key else [""]
        self._low = self._width = None

        if len(texts) > MOST_LINES and all(_number(text) is not None for text in texts):
            low, high = Decimal(texts[0]), Decimal(texts[-1])
            self._low, self._width = low, (high - low) / BANDS
            ends = [decimal_text(low + self._width * band) for band in range(BANDS + 1)]
            texts = [f"{ends[band]} to {ends[band + 1]}" for band in range(BANDS)]

        self.names = tuple(texts)
        self._places = {text: place for place, text in enumerate(texts)}

    def of(self, row: Row) -> int:
        """Return the line of a row."""
        if not self._key:
            return 0

        text = dict(row.values)[self._key]

        if self._low is None or self._width is None:
            return self._places[text]

        return min(BANDS - 1, int((Decimal(text) - self._low) / self._width))


def _order(text: str) -> tuple[int, Decimal, str]:
    number = _number(text)

    return (1, Decimal(0), text) if number is None else (0, number, text)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None

    return number if number.is_finite() else None
