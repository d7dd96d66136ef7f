"""The table that a run of the benchmarks ends with: each row of work with its goal, what was measured, the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

HEADINGS = ("work", "goal", "measured", "verdict")
WIDTHS = (46, 11, 34, 7)


@attrs.frozen(kw_only=True)
class Row:
    """One row. `reached` is None for what has no goal of its own and stands there to be compared with."""

    work: str
    goal: str
    measured: str
    reached: bool | None

    @property
    def verdict(self) -> str:
        """What a reader looks for first."""
        return "" if self.reached is None else "reached" if self.reached else "MISSED"


@attrs.define
class Table:
    """The rows of one run, in the order in which they were measured."""

    rows: list[Row] = attrs.field(factory=list)

    def add(self, work: str, goal: str, measured: str, *, reached: bool | None) -> None:
        """Add a row."""
        self.rows.append(Row(work=work, goal=goal, measured=measured, reached=reached))

    @property
    def missed(self) -> Sequence[Row]:
        """The rows that did not reach their goal."""
        return [row for row in self.rows if row.reached is False]

    def lines(self) -> Sequence[str]:
        """The table as text."""
        cells = [HEADINGS, *((row.work, row.goal, row.measured, row.verdict) for row in self.rows)]
        rule = "  ".join("-" * width for width in WIDTHS)
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=True)).rstrip() for row in cells
        ]

        return [lines[0], rule, *lines[1:]]
