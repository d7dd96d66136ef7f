"""One decision of the trader with the strategy that ships: events in, actions out, marked as in flight."""

from __future__ import annotations

from statistics import median
from time import perf_counter_ns

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.desk import Desk
from benchmarks.table import Table
from perpmaker.engine.decision import Decision
from perpmaker.execution.action import Cancel, Place

GOAL_REFRESHED_US = 150.0
GOAL_IDLE_US = 5.0
ROUNDS = 400
ORDERS = 10


def bench_refresh_of_five_levels(benchmark: BenchmarkFixture, table: Table) -> None:
    """Five levels a side whose price has moved: ten quotes anew, ten cancels; and the ten orders after the answers."""
    desk = Desk()
    desk.open()
    decided: list[Decision] = []
    replaced = []

    def setup() -> None:
        if decided:
            answers = desk.answers(decided.pop())
            began = perf_counter_ns()
            placed = desk.trader.handle(answers, desk.now)
            replaced.append(perf_counter_ns() - began)
            assert sum(isinstance(action, Place) for action in placed.actions) == ORDERS
            desk.settle(placed)

        desk.move()

    def run() -> None:
        decided.append(desk.trader.handle((), desk.now))

    benchmark.pedantic(run, setup=setup, rounds=ROUNDS, warmup_rounds=20)
    assert sum(isinstance(action, Cancel) for action in decided[0].actions) == ORDERS
    ours = benchmark.stats.stats.median * 1e6
    table.add("decision: 5 levels a side refreshed", "<= 150 us", f"{ours:.0f} us", reached=ours <= GOAL_REFRESHED_US)
    table.add("  ten answers folded, ten orders placed", "", f"{median(replaced) / 1e3:.0f} us", reached=None)


def bench_nothing_to_do(benchmark: BenchmarkFixture, table: Table) -> None:
    """A change of the book within the wake conditions: folded, and nothing is computed."""
    desk = Desk()
    desk.open()
    events, now = (desk.difference(),), desk.now + 1.0
    handle = desk.trader.handle
    assert handle(events, now).wanted is None
    benchmark(handle, events, now)
    ours = benchmark.stats.stats.median * 1e6
    table.add("decision: nothing to do", "<= 5 us", f"{ours:.1f} us", reached=ours <= GOAL_IDLE_US)
