"""The process dies at every step that matters, on virtual time: the next one finds its way back from each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from perpmaker.testing.crash import Crash, crash

pytestmark = pytest.mark.long

FILE = Path(__file__).parents[1] / "practice.toml"
QUICK = (
    "order_refresh_time=1",
    "order_refresh_tolerance_pct=-1",
    "filled_order_delay=0.5",
    "bid_spread=0.04",
    "ask_spread=0.04",
    "long_profit_taking_spread=0.02",
    "short_profit_taking_spread=0.02",
)
SEED = 6
SECONDS = 4.0
"""With this seed: quotes, two refreshes, a fill, its closing order, that one's fill, and quotes again."""

STEPS = {
    "before commit",
    "after commit",
    "before send",
    "after send",
    "answer arrived",
    "order update arrived",
    "fill arrived",
}


ALL_ROWS = 1_000


def crash_at(at: int | None, lost_rows: int | None = None) -> Crash:
    """Die at a step and come back; with `lost_rows` the power goes away."""
    return crash(FILE, QUICK, SEED, seconds=SECONDS, at=at, lost_rows=lost_rows)


def spread(steps: Sequence[str], most: int) -> list[int]:
    """At most so many steps of each kind: the first and the last of them, and others between these."""
    of_kind: dict[str, list[int]] = defaultdict(list)

    for at, step in enumerate(steps):
        of_kind[step].append(at)

    shares = [part / (most - 1) for part in range(most)]

    return sorted({found[round(share * (len(found) - 1))] for found in of_kind.values() for share in shares})


def test_F71_killed_at_every_step_the_next_process_manages_everything_within_five_seconds(full: bool) -> None:
    """For each (a slice of each kind without --full): no order without an owner, none twice, both sides back."""
    steps = crash_at(None).steps
    killed_at = list(range(len(steps))) if full else spread(steps, 2)[::2]
    crashes = {at: crash_at(at) for at in killed_at}

    assert set(steps) == STEPS
    assert len(steps) >= 40
    assert {at: one.steps[-1] for at, one in crashes.items()} == {at: steps[at] for at in killed_at}
    assert [(at, steps[at], one.faults) for at, one in crashes.items() if one.faults] == []


def test_F72_killed_ten_times_while_it_recovers_it_still_comes_back() -> None:
    """Each recovery dies one step further than the one before it, and none of them makes it worse."""
    assert crash(FILE, QUICK, SEED, seconds=SECONDS, at=12, again=range(10)).faults == ()


def test_F71_the_power_goes_away_with_the_newest_rows_and_nothing_is_violated(full: bool) -> None:
    """Whatever of the rows went that did not wait for the disk: quotes that nobody knows are gone, exits are back."""
    steps = crash_at(None).steps
    commits = [at for at, step in enumerate(steps) if step == "after commit"]
    killed_at = list(range(len(steps))) if full else commits[::6]
    lost = (1, 2, 3, ALL_ROWS) if full else (1, ALL_ROWS)
    faults = {(at, rows): crash_at(at, rows).faults for at in killed_at for rows in lost}

    assert {case: found for case, found in faults.items() if found} == {}
