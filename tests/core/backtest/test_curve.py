"""Thinning what changes over time."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from perpmaker.backtest.curve import Thinning, column


def test_what_is_short_is_kept_as_it_was() -> None:
    """Few rows at different times come back exactly, with their times and with what was not there."""
    rows = [(10, (1, None)), (20, (2, 5)), (35, (1, None))]
    thinning = Thinning(2)

    for at_ms, row in rows:
        thinning.add(at_ms, row)

    assert thinning.rows() == rows


def test_no_column_loses_its_least_greatest_first_or_last_value() -> None:
    """Of 5,000 rows a few hundred are left, in the order of time, and each column still has its ends and extremes."""
    random = Random(3)  # noqa: S311  # no secret

    for most in (7, 40, 400):
        thinning = Thinning(3, most)
        rows: list[tuple[int, tuple[int | None, ...]]] = []
        at_ms, walk = 1_764_550_000_000, 0

        for _ in range(5_000):
            at_ms += random.choice([0, 1, 7, 900, 20_000])
            walk += random.randint(-5, 5)
            spike = random.randint(-9_000, 9_000) if random.random() < 0.001 else 0
            rows.append((at_ms, (walk, walk + spike, None if random.random() < 0.3 else random.randint(0, 9))))
            thinning.add(*rows[-1])

        kept = thinning.rows()
        assert len(kept) <= 3 * most
        assert [at for at, _ in kept] == sorted({at for at, _ in kept})
        assert kept[-1][1] == rows[-1][1]
        assert kept[0][0] == rows[0][0]

        for number in range(3):
            before = [row[number] for _, row in rows if row[number] is not None]
            after = [row[number] for _, row in kept if row[number] is not None]
            assert (min(before), max(before)) == (min(after), max(after)), (most, number)


def test_a_bucket_shows_its_extremes_in_the_order_in_which_they_came() -> None:
    """A fall from 9 to 1 is no rise from 1 to 9, also after buckets were joined."""
    thinning = Thinning(1, most=1)

    for at_ms, value in [(0, 5), (10, 9), (20, 4), (30, 1), (40, 3)]:
        thinning.add(at_ms, (value,))

    assert [row for _, (row,) in thinning.rows()] == [9, 1, 3]


def test_a_time_that_goes_back_counts_as_the_newest() -> None:
    """Clocks are set back; the rows of a curve are not."""
    thinning = Thinning(1)

    for at_ms, value in [(100, 1), (50, 2), (120, 3)]:
        thinning.add(at_ms, (value,))

    kept = thinning.rows()
    assert [at for at, _ in kept] == sorted({at for at, _ in kept})
    assert [row for _, (row,) in kept] == [1, 2, 3]


def test_a_column_in_ticks_becomes_a_price() -> None:
    """Whole numbers count the unit that is given; what is not there stays so."""
    assert column([(1, (12, Decimal("0.5"))), (2, (None, None))], 0, Decimal("0.1")) == (Decimal("1.2"), None)
