"""From a change of the book on the wire to a command on the wire: loopback TCP, real processes, journal on disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from benchmarks.process import running
from benchmarks.relay import HOST, open_relay
from benchmarks.table import Table

GOAL_P50_MS = 1.0
GOAL_P99_MS = 3.0
BUSY_MS, QUIET_MS = 3, 100
BUSY_S, QUIET_S = 60.0, 80.0
WARM = 20
LEAST = 120
BLOCK = 100
MEMORY = Path("/dev/shm")  # noqa: S108  # a file system in memory is what is wanted
COMMITS = 300

_CONFIGURATION = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.3
ask_spread = 0.3
order_amount = 0.01
order_refresh_time = 3600.0
order_levels = 5
order_level_spread = 0.1
minimum_spread = 0.25
long_profit_taking_spread = 1.0
short_profit_taking_spread = 1.0
stop_loss_spread = 5.0
journal_market_data = false

[binance_perpetual]
environment = "sandbox"
"""


def bench_book_change_to_order(table: Table, tmp_path: Path) -> None:
    """One bid after the other is withdrawn as the book falls towards it, five times, again and again.

    They rest again a second after the book has come back, by the clock: what follows the book at once is the cancel.

    Timed by a relay between the two, each of the three a process of its own; the bot is `perpmaker run`, which writes
    and commits its journal before anything is sent, without market data, as in live. The file is in memory, where there
    is such a file system: what a disk takes for a commit is told below, beside the same with a file on it.
    """
    with _home(tmp_path) as home:
        p50, p99 = _quietest_ms(home, BUSY_MS)

    table.add("book change to order, journal included: p50", "<= 1 ms", f"{p50:.2f} ms", reached=p50 <= GOAL_P50_MS)
    table.add("  p99", "<= 3 ms", f"{p99:.2f} ms", reached=p99 <= GOAL_P99_MS)


def bench_book_change_to_order_on_this_disk(table: Table, tmp_path: Path) -> None:
    """The same with the journal where the tests' temporary files are, and what SQLite alone takes there."""
    p50, p99 = _quietest_ms(tmp_path, BUSY_MS)
    commits_ms = _bare_commits_ms(tmp_path / "bare.sqlite")
    table.add("  with the journal on this disk", "", f"{p50:.2f} ms, p99 {p99:.2f} ms", reached=None)
    measured = f"{median(commits_ms):.2f} ms, p99 {_p99(commits_ms):.2f} ms"
    table.add("    of which the disk: a bare durable commit", "", measured, reached=None)


def bench_book_change_to_order_after_a_pause(table: Table, tmp_path: Path) -> None:
    """The same as the first, with a pause of a tenth of a second before each change."""
    with _home(tmp_path) as home:
        p50, p99 = _quietest_ms(home, QUIET_MS)

    table.add("  after 100 ms in which nothing changed", "", f"{p50:.2f} ms, p99 {p99:.2f} ms", reached=None)


@contextmanager
def _home(otherwise: Path) -> Iterator[Path]:
    """A folder in memory; where the system has none, the other one."""
    if not MEMORY.is_dir():
        yield otherwise
        return

    with TemporaryDirectory(dir=MEMORY) as home:
        yield Path(home)


def _quietest_ms(home: Path, pause_ms: int) -> tuple[float, float]:
    """Median and 99th percentile of the quietest block of cancels."""
    times_ms = [seconds * 1e3 for seconds in _measure(home, pause_ms)[WARM:]]
    assert len(times_ms) >= LEAST, f"only {len(times_ms)} cancels followed a change"
    blocks = (times_ms[at : at + BLOCK] for at in range(0, len(times_ms) - BLOCK + 1, BLOCK))
    quietest = min(blocks, key=median)

    return median(quietest), _p99(quietest)


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[98]


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


def _measure(home: Path, pause_ms: int) -> list[float]:
    """Run bot and venue with the relay in between; the seconds that it noted."""
    configuration = home / "swing.toml"
    configuration.write_text(_CONFIGURATION, encoding="utf-8")

    with (
        open_relay(lambda: port) as (relay_port, watch),
        _venue(relay_port, pause_ms) as port,
        running(home, "run", str(configuration), "--sandbox-url", f"http://{HOST}:{relay_port}") as bot,
    ):
        time.sleep(BUSY_S if pause_ms == BUSY_MS else QUIET_S)
        assert bot.poll() is None, bot.communicate()

    return watch.times


@contextmanager
def _venue(announced_port: int, pause_ms: int) -> Iterator[int]:
    """The port of a venue that gives another port as its own."""
    pipe = subprocess.PIPE
    words = [sys.executable, "-m", "benchmarks.venue", str(announced_port), str(pause_ms)]

    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate()
