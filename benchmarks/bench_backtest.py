"""A backtest: rows of a recorded market a second, with a requote each second, and each five."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from time import process_time

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.seeded import SeededMarket
from benchmarks.table import Table
from perpmaker.backtest.columns import ColumnFile
from perpmaker.backtest.driver import Driver
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.timeline import Feed
from perpmaker.config.loading import load_configuration
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.plan import Plan
from perpmaker.plugins.catalog import load_catalog

SECONDS = 600
GOAL, GOAL_DENSE = 1.0e6, 2.0e6

CONFIGURATION = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 10
bid_spread = 0.05
ask_spread = 0.05
order_amount = 0.01
order_refresh_tolerance_pct = -1
when_in_position = "continue"
long_profit_taking_spread = 2
short_profit_taking_spread = 2
stop_loss_spread = 5

[risk.exposure_limit]
max_position = 5

[binance_perpetual]
environment = "sandbox"
"""


def bench_backtest(benchmark: BenchmarkFixture, table: Table, tmp_path: Path) -> None:
    """Ten minutes of a made-up market: each second one quote a side is replaced; beside it the same every five."""
    path = tmp_path / "seeded.columns"
    rows = SeededMarket(path).write(SECONDS)
    columns = ColumnFile(path)
    plans = {refresh_s: _plan(tmp_path, refresh_s) for refresh_s in (1, 5)}
    per_s = dict.fromkeys(plans, 0.0)

    def run() -> None:
        for refresh_s, plan in plans.items():
            per_s[refresh_s] = max(per_s[refresh_s], rows / _cpu_s(plan, columns))

    benchmark.pedantic(run, rounds=3)
    table.add("backtest, requote each second", ">= 1.0 M/s", f"{per_s[1] / 1e6:.2f} M rows/s", reached=per_s[1] >= GOAL)
    table.add("  the same, refresh 5 s", ">= 2.0 M/s", f"{per_s[5] / 1e6:.2f} M rows/s", reached=per_s[5] >= GOAL_DENSE)


def _plan(folder: Path, refresh_s: int) -> Plan:
    file = folder / f"every{refresh_s}.toml"
    file.write_text(f"order_refresh_time = {refresh_s}.0\n{CONFIGURATION}")

    return plan_of(load_configuration(file, (), load_catalog()))


def _cpu_s(plan: Plan, columns: ColumnFile) -> float:
    """Seconds of the processor that one run takes."""
    driver = Driver(plan, columns, balance=Decimal(10_000), latency=OrderLatency.fixed(5), feed=Feed())
    began_s = process_time()

    for _ in driver.run():
        pass

    return process_time() - began_s
