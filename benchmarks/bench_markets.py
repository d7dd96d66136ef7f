"""Many markets in one process: the whole bot for each, its book stream at 100 messages a second over loopback TCP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import anyio
import attrs

from benchmarks.crowd import Settings, open_connector
from benchmarks.depth import synthetic
from benchmarks.feeder import LEVELS, RATE
from benchmarks.table import Table
from perpmaker.clock import SystemClock
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.launch.launch import prepare_run
from perpmaker.launch.plan import Plan
from perpmaker.model.order import OrderKind, PositionMode
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.plugins.shipped import declaration
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.secret import References
from perpmaker.strategy.settings import StrategySettings
from perpmaker.wire.pipe import connect_tcp

GOAL_MARKETS = 50
GOAL_GROWTH = 1.25
FEW, MANY = 10, 50
SETTLE_S, MEASURE_S = 4.0, 10.0
LEAST_SHARE = 0.98

_STRATEGY = StrategySettings(
    bid_spread=Decimal("0.001"),
    ask_spread=Decimal("0.001"),
    order_amount=Decimal("0.01"),
    order_refresh_time=5.0,
)


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
        bots = [await stack.enter_async_context(_open(number, port, home)) for number in range(count)]
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


@asynccontextmanager
async def _open(number: int, port: int, home: StateDir) -> AsyncIterator[Supervisor]:
    """One bot with an account of its own."""
    settings = Settings(str(number), f"ws://127.0.0.1:{port}", synthetic(1, levels=LEVELS).snapshot)
    plan = Plan(
        market="BTC-USDT",
        leverage=3,
        position_mode=PositionMode.ONE_WAY,
        margin_mode=None,
        connector=DerivativeConnectorDeclaration(
            name="crowd", summary="A venue that takes every order.", settings=Settings, open=open_connector
        ),
        connector_settings=settings,
        strategy=declaration(),
        strategy_settings=_STRATEGY,
        exits=ExitSettings(),
    )
    context = ConnectorContext(
        clock=SystemClock(),
        connect=connect_tcp,
        signers=References(Path()),
        environment=Environment.PAPER,
    )

    async with prepare_run(plan, context, home=home, tell=lambda _: None, seed=number) as ready:
        yield await ready.start()


def _reached(bots: list[Supervisor]) -> int:
    """The book messages that all bots have folded: each carries its number as its time."""
    return sum(bot.trader.state.book.own.reached_ms for bot in bots)
