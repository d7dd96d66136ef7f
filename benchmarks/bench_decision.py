"""One decision of the trader with the strategy that ships: events in, actions out, marked as in flight."""

from __future__ import annotations

from time import perf_counter

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.desk import Desk, Watched
from benchmarks.table import Table
from benchmarks.timing import BLOCK, Spread, quiet_median
from perpmaker.decision.decision import Decision
from perpmaker.execution.action import Cancel, Place

GOAL_REFRESHED_US = 150.0
GOAL_IDLE_US = 5.0
GOAL_STEP_US = {1: 120.0, 5: 300.0}
ROUNDS = 1_500
ORDERS = 10
IDLE = 50


def bench_refresh_of_five_levels(benchmark: BenchmarkFixture, table: Table) -> None:
    """Five levels a side whose price has moved: ten quotes anew, and ten cancels; then ten orders after the answers."""
    desk = Desk()
    desk.open()
    cancelling: list[Decision] = []
    decided: list[float] = []
    replaced: list[float] = []

    spread = Spread(every=BLOCK, pause_s=2.0)

    def setup() -> None:
        spread()

        if cancelling:
            answers = desk.answers(cancelling.pop())
            began = perf_counter()
            placed = desk.trader.handle(answers, desk.now)
            replaced.append(perf_counter() - began)
            assert sum(isinstance(action, Place) for action in placed.actions) == ORDERS
            desk.settle(placed)

        desk.move()

    def run() -> None:
        cancelling.append(desk.trader.handle((), desk.now))
        decided.append(desk.watched.took_s)

    benchmark.pedantic(run, setup=setup, rounds=ROUNDS, warmup_rounds=20)
    assert sum(isinstance(action, Cancel) for action in cancelling[0].actions) == ORDERS
    ours = quiet_median(decided) * 1e6
    table.add("decision: 5 levels a side refreshed", "<= 150 us", f"{ours:.0f} us", reached=ours <= GOAL_REFRESHED_US)
    whole = quiet_median(benchmark.stats.stats.data) * 1e6
    table.add("  reviewed, compared, ten cancels in flight", "", f"{whole:.0f} us", reached=None)
    then = quiet_median(replaced) * 1e6
    table.add("  ten answers folded, ten orders placed", "", f"{then:.0f} us", reached=None)


@pytest.mark.parametrize("levels", sorted(GOAL_STEP_US))
def bench_whole_step(table: Table, levels: int) -> None:
    """Quotes anew until all of them rest: decided and cancelled, answers and new orders, and their answers.

    All answers of an instant are one call; what the venue's side makes of them is not timed.
    """
    desk = Desk(watched=Watched(levels=levels))
    desk.open()
    times: list[float] = []
    spread = Spread(every=BLOCK, pause_s=1.0)

    for _ in range(ROUNDS):
        spread()
        desk.move()
        began = perf_counter()
        decision = desk.trader.handle((), desk.now)
        took_s = perf_counter() - began
        assert len(decision.actions) == 2 * levels

        while decision.actions:
            answers = desk.answers(decision)
            began = perf_counter()
            decision = desk.trader.handle(answers, desk.now)
            took_s += perf_counter() - began

        times.append(took_s)

    ours, goal = quiet_median(times) * 1e6, GOAL_STEP_US[levels]
    name = f"one whole step, {levels} level{'s' if levels > 1 else ''} a side"
    table.add(name, f"<= {goal:.0f} us", f"{ours:.0f} us", reached=ours <= goal)


def bench_nothing_to_do(benchmark: BenchmarkFixture, table: Table) -> None:
    """A change of the book within the wake conditions: folded, and nothing is computed."""
    desk = Desk()
    desk.open()
    events, now = (desk.difference(),), desk.now + 1.0
    handle = desk.trader.handle
    assert handle(events, now).wanted is None

    def run() -> None:
        for _ in range(IDLE):
            handle(events, now)

    benchmark.pedantic(run, setup=Spread(every=BLOCK, pause_s=2.0), rounds=ROUNDS)
    ours = quiet_median(benchmark.stats.stats.data) * 1e6 / IDLE
    table.add("decision: nothing to do", "<= 5 us", f"{ours:.1f} us", reached=ours <= GOAL_IDLE_US)
