"""The process dies at every step that matters, on virtual time: the next one finds its way back from each of them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from perpmaker.testing.crash import Crash, crash

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


def crash_at(at: int | None) -> Crash:
    """Die at a step and come back."""
    return crash(FILE, QUICK, SEED, seconds=SECONDS, at=at)


def test_F71_killed_at_every_step_the_next_process_manages_everything_within_five_seconds() -> None:
    """For all of them: no order without an owner, none twice, the position that of the venue, both sides back."""
    steps = crash_at(None).steps
    die = partial(crash, FILE, QUICK, SEED, seconds=SECONDS)

    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(die, at=at) for at in range(len(steps))]
        crashes = [future.result() for future in futures]

    assert set(steps) == STEPS
    assert len(steps) >= 40
    assert [one.steps[-1] for one in crashes] == list(steps)
    assert [(at, steps[at], one.faults) for at, one in enumerate(crashes) if one.faults] == []


def test_F72_killed_ten_times_while_it_recovers_it_still_comes_back() -> None:
    """Each recovery dies one step further than the one before it, and none of them makes it worse."""
    assert crash(FILE, QUICK, SEED, seconds=SECONDS, at=12, again=range(10)).faults == ()
