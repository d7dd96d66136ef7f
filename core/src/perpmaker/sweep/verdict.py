"""What a sweep shows: which points are best, and whether the best is any better than one drawn by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import attrs

from perpmaker.sweep.figures import Objective, Row


@attrs.frozen(kw_only=True)
class Verdict:
    """The points in the order of their scores in sample, best first, and what the best came to out of sample.

    `chance` is the mean out of sample over the points that were not chosen by what others came to: what a point that
    is drawn blindly may be expected to come to. Both are None where nothing was set aside.
    """

    ranked: tuple[Row, ...]
    refused: tuple[Row, ...]
    best_outside: Decimal | None
    chance: Decimal | None

    @property
    def fits_noise(self) -> bool:
        """Whether the best in sample does worse out of sample than a point drawn by chance."""
        return self.best_outside is not None and self.chance is not None and self.best_outside < self.chance


def verdict_of(rows: Sequence[Row], objective: Objective, is_random: Callable[[int], bool]) -> Verdict:
    """Rank rows. Of two with the same score the one that was asked for first is first."""
    scored = [(objective.of(row.in_sample), row) for row in rows if row.in_sample is not None]
    ranked = tuple(row for _, row in sorted(scored, key=lambda one: (-one[0], one[1].number)))
    blind = [objective.of(row.out_of_sample) for row in ranked if row.out_of_sample and is_random(row.number)]
    best = ranked[0].out_of_sample if ranked else None

    return Verdict(
        ranked=ranked,
        refused=tuple(row for row in rows if row.in_sample is None),
        best_outside=None if best is None else objective.of(best),
        chance=sum(blind, Decimal(0)) / len(blind) if blind else None,
    )
