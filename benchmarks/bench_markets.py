"""Many markets in one process: the whole bot for each, its book stream at 100 messages a second over loopback TCP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import anyio
import attrs

from benchmarks.bot import open_bot
from benchmarks.feeder import RATE
from benchmarks.table import Table
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.model.order import OrderKind
from perpmaker.runtime.supervisor import Supervisor

GOAL_MARKETS = 50
GOAL_GROWTH = 1.25
FEW, MANY = 10, 50
SETTLE_S, MEASURE_S = 4.0, 10.0
LEAST_SHARE = 0.98


@attrs.frozen(kw_only=True)
class Load:
    """What a number of markets came to: CPU seconds per second and market, and messages taken in of those due."""

    cpu_share: float
    taken_share: float


def bench_markets_on_one_core(table: Table, tmp_path: Path) -> None:
    """CPU time of the bots' process alone, and that it keeps up; cost per market with 50 beside that with 10."""
    with _feeder() as port:
        few, many = (anyio.run(partial(_load, count, port, tmp_path / str(count))) for count in (FEW, MANY))

    fit, growth = 1 / many.cpu_share, many.cpu_share / few.cpu_share
    cost = f"{fit:.0f}  ({many.cpu_share * 1e6 / RATE:.0f} us a message, {many.taken_share:.0%} taken in)"
    reached = fit >= GOAL_MARKETS and many.taken_share >= LEAST_SHARE
    table.add("markets on one core, 100 messages/s each", ">= 50", cost, reached=reached)
    measured = f"{growth:.2f} x"
    table.add("  cost of each with 50 beside with 10", "<= 1.25 x", measured, reached=growth <= GOAL_GROWTH)


@contextmanager
def _feeder() -> Iterator[int]:
    """The port that the messages come from."""
    pipe = subprocess.PIPE

    with subprocess.Popen([sys.executable, "-m", "benchmarks.feeder"], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate()


async def _load(count: int, port: int, root: Path) -> Load:
    """Run so many bots for a while."""
    home = open_state_dir({"PERPMAKER_HOME": str(root)})

    async with AsyncExitStack() as stack:
        bots = [await stack.enter_async_context(open_bot(number, port, home)) for number in range(count)]
        group = await stack.enter_async_context(anyio.create_task_group())

        for bot in bots:
            group.start_soon(bot.run)

        await anyio.sleep(SETTLE_S)
        began, cpu, before = perf_counter(), process_time(), _reached(bots)
        await anyio.sleep(MEASURE_S)
        wall, used, taken = perf_counter() - began, process_time() - cpu, _reached(bots) - before
        assert all(bot.count.placed[OrderKind.QUOTE] for bot in bots), "a market did not quote"
        group.cancel_scope.cancel()

    return Load(cpu_share=used / wall / count, taken_share=taken / (wall * RATE * count))


def _reached(bots: list[Supervisor]) -> int:
    """The book messages that all bots have folded: each carries its number as its time."""
    return sum(bot.trader.state.book.own.reached_ms for bot in bots)
