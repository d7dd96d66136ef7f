"""Where the book was some time after a fill."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

from perpmaker.ledger.markouts import HORIZONS_S, LATE_S, Markouts

MID = Decimal(101)


def test_the_middle_is_noted_at_each_horizon_and_nothing_is_due_afterwards(entries: Any) -> None:
    """While no fill is young, there is nothing to wake for."""
    markouts = Markouts()
    assert markouts.next_at == inf
    markouts.watch(entries.fill(), 10.0, 10.0)
    found = []

    while markouts.next_at < inf:
        at = markouts.next_at
        assert markouts.take(at - 0.001, MID) == []
        found += [(at, one.after_s, one.mid, one.fill_key) for one in markouts.take(at, MID)]

    assert found == [(10.0 + after_s, after_s, MID, "fill:1:buy") for after_s in HORIZONS_S]


def test_a_moment_that_was_missed_is_not_noted(entries: Any) -> None:
    """A later middle is that of another moment; nor is one noted without a book."""
    for late_s, mid, count in ((LATE_S, MID, 1), (LATE_S + 0.01, MID, 0), (0.0, None, 0)):
        markouts = Markouts()
        markouts.watch(entries.fill(), 0.0, 0.0)
        assert len(markouts.take(1.0 + late_s, mid)) == count
        assert markouts.next_at == 10.0


def test_a_fill_that_is_told_late_is_followed_from_when_it_happened(entries: Any) -> None:
    """What is past already is left out, and fills come in any order."""
    markouts = Markouts()
    markouts.watch(entries.fill("1"), 20.0, 20.0)
    markouts.watch(entries.fill("2"), 12.5, 20.0)
    assert markouts.next_at == 21.0
    assert [(one.trade_id, one.after_s) for one in markouts.take(21.0, MID)] == [("1", 1)]
    assert [(one.trade_id, one.after_s) for one in markouts.take(22.5, MID)] == [("2", 10)]
