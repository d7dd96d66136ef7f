"""From a change of the book on the wire to an order on the wire: loopback TCP, real processes, journal on disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles

import msgspec

from benchmarks.process import running
from benchmarks.table import Table
from benchmarks.venue import CEILING

GOAL_P50_MS = 1.0
GOAL_P99_MS = 3.0
RUN_S = 40.0
WARM = 20
LEAST = 200
COMMITS = 300

_CONFIGURATION = f"""
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 3600.0
price_ceiling = {CEILING}
long_profit_taking_spread = 1.0
short_profit_taking_spread = 1.0
stop_loss_spread = 5.0

[binance_perpetual]
environment = "sandbox"
"""


def bench_book_change_to_order(table: Table, tmp_path: Path) -> None:
    """The buy quote is placed and withdrawn as the book swings across the price ceiling, ten times a second.

    Timed by the venue, so that both directions of the loopback are in it; the bot is `perpmaker run`, its journal
    a file whose every commit is durable before anything is sent.
    """
    times_ms = [seconds * 1e3 for seconds in _measure(tmp_path)[WARM:]]
    assert len(times_ms) >= LEAST, f"only {len(times_ms)} orders followed a change"
    p50, p99 = median(times_ms), quantiles(times_ms, n=100)[98]
    name = "book change to order, journal included: p50"
    table.add(name, "<= 1 ms", f"{p50:.2f} ms  ({len(times_ms)} orders)", reached=p50 <= GOAL_P50_MS)
    table.add("  p99", "<= 3 ms", f"{p99:.2f} ms", reached=p99 <= GOAL_P99_MS)
    commits_ms = _bare_commits_ms(tmp_path / "bare.sqlite")
    measured = f"{median(commits_ms):.2f} ms, p99 {quantiles(commits_ms, n=100)[98]:.2f} ms"
    table.add("  of which the disk: a bare durable commit", "", measured, reached=None)


def _bare_commits_ms(path: Path) -> list[float]:
    """What SQLite alone takes for a row as large as a step's, committed as the journal commits."""
    times = []

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (payload BLOB NOT NULL) STRICT")

        for _ in range(COMMITS):
            began = time.perf_counter()
            connection.execute("INSERT INTO row VALUES (zeroblob(800))")
            times.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.005)

    return times


def _measure(home: Path) -> list[float]:
    """Run bot and venue beside each other; what the venue noted."""
    configuration = home / "swing.toml"
    configuration.write_text(_CONFIGURATION, encoding="utf-8")
    pipe = subprocess.PIPE

    with subprocess.Popen([sys.executable, "-m", "benchmarks.venue"], stdin=pipe, stdout=pipe) as venue:
        assert venue.stdout is not None
        line = msgspec.json.decode(venue.stdout.readline())

        with running(home, "run", str(configuration), "--sandbox-url", line["url"]) as bot:
            time.sleep(RUN_S)
            assert bot.poll() is None, bot.communicate()

        noted, _ = venue.communicate()

    return msgspec.json.decode(noted, type=list[float])
