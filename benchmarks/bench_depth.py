"""One depth difference: bytes to the updated book, through the connector's decoder and the core's fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from statistics import median
from time import perf_counter_ns

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.depth import Flow, folding, plain_folding, recorded, synthetic
from benchmarks.table import Table

GOAL_US = 12.0
GOAL_RATIO = 3.5
WARM, ROUNDS, PER_ROUND = 2_000, 40, 100
LEAST_LEVELS, MOST_LEVELS = 30, 50

Folding = Callable[[Flow], tuple[Callable[[bytes], int], Sequence[bytes]]]


def bench_synthetic_difference(benchmark: BenchmarkFixture, table: Table) -> None:
    """20 levels a side; beside it the same messages folded in the usual way, in the same minute."""
    flow = synthetic(WARM + (ROUNDS + 2) * PER_ROUND)
    fold, messages = folding(flow)
    rest = iter(messages)

    def warm_up() -> None:
        for message in islice(rest, WARM):
            fold(message)

    def setup() -> tuple[tuple[Sequence[bytes]], dict[str, object]]:
        return (list(islice(rest, PER_ROUND)),), {}

    def run(batch: Sequence[bytes]) -> None:
        for message in batch:
            fold(message)

    warm_up()
    benchmark.pedantic(run, setup=setup, rounds=ROUNDS)
    ours = benchmark.stats.stats.median / PER_ROUND * 1e6
    plain = _median_us(plain_folding, flow)
    table.add("depth diff to book, 20 levels a side", "<= 12 us", f"{ours:.1f} us", reached=ours <= GOAL_US)
    ratio = plain / ours
    measured = f"{ratio:.1f} x  ({plain:.1f} us)"
    table.add("  the same with json and Decimal keys", ">= 3.5 x", measured, reached=ratio >= GOAL_RATIO)


def bench_recorded_difference(table: Table) -> None:
    """The recorded BTCUSDT messages of about that size; no goal of its own, because no two markets are alike."""
    flow = recorded()

    if flow is None:
        pytest.skip("the recorded market data is not on this machine (../shared/data)")

    ours, plain = _median_us(folding, flow), _median_us(plain_folding, flow)
    table.add("  recorded BTCUSDT, 30 to 50 levels", "", f"{ours:.1f} us", reached=None)
    measured = f"{plain / ours:.1f} x  ({plain:.1f} us)"
    table.add("  the same with json and Decimal keys", ">= 3.5 x", measured, reached=plain / ours >= GOAL_RATIO)


def _median_us(prepare: Folding, flow: Flow) -> float:
    """The median of the messages of the second half that have about 20 levels a side, each timed by itself."""
    fold, messages = prepare(flow)
    half = len(messages) // 2
    times = []

    for number, message in enumerate(messages):
        began = perf_counter_ns()
        levels = fold(message)
        took = perf_counter_ns() - began

        if number >= half and LEAST_LEVELS <= levels <= MOST_LEVELS:
            times.append(took)

    return median(times) / 1e3
