"""One depth difference: bytes to the updated book, through the connector's decoder and the core's fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.depth import Flow, folding, level_count, plain_folding, recorded, synthetic
from benchmarks.table import Table
from benchmarks.timing import BLOCK, Spread, quiet_median

GOAL_US = 12.0
GOAL_RATIO = 3.5
WARM, ROUNDS = 2_000, 4_000
LEAST_LEVELS, MOST_LEVELS = 30, 50

Folding = Callable[[Flow], tuple[Callable[[bytes], None], Sequence[bytes]]]


def bench_synthetic_difference(benchmark: BenchmarkFixture, table: Table) -> None:
    """20 levels a side; beside it the same messages folded in the usual way, in the same minute."""
    flow = synthetic(WARM + ROUNDS + 100)
    fold, messages = folding(flow)
    rest = iter(messages)

    for _ in range(WARM):
        fold(next(rest))

    spread = Spread(every=4 * BLOCK, pause_s=2.5)

    def setup() -> tuple[tuple[bytes], dict[str, object]]:
        spread()

        return (next(rest),), {}

    benchmark.pedantic(fold, setup=setup, rounds=ROUNDS)
    ours = quiet_median(benchmark.stats.stats.data) * 1e6
    table.add("depth diff to book, 20 levels a side", "<= 12 us", f"{ours:.1f} us", reached=ours <= GOAL_US)
    plain = _quiet_us(plain_folding, flow)
    measured = f"{plain / ours:.1f} x  ({plain:.1f} us)"
    table.add("  the same with json and Decimal keys", ">= 3.5 x", measured, reached=plain / ours >= GOAL_RATIO)


def bench_recorded_difference(table: Table) -> None:
    """The recorded BTCUSDT messages of about that size; no two markets are alike, so it has no goal."""
    flow = recorded()

    if flow is None:
        pytest.skip("the recorded market data is not on this machine (../shared/data)")

    ours, plain = _quiet_us(folding, flow), _quiet_us(plain_folding, flow)
    measured = f"{ours:.1f} us, plain {plain:.1f} us"
    table.add("  recorded BTCUSDT, 30 to 50 levels", "", measured, reached=None)


def _quiet_us(prepare: Folding, flow: Flow) -> float:
    """The messages of the second half that have about 20 levels a side, each timed by itself, in a quiet moment."""
    fold, messages = prepare(flow)
    half = len(messages) // 2
    times = []

    for number, message in enumerate(messages):
        began = perf_counter()
        fold(message)
        took = perf_counter() - began

        if number >= half and LEAST_LEVELS <= level_count(message) <= MOST_LEVELS:
            times.append(took)

    return quiet_median(times) * 1e6
