"""How long a person waits: for the help, and from `perpmaker run` to the first quotes on the sandbox."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from statistics import median

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.process import CONFIGURATION, command, first_step_ms, running
from benchmarks.table import Table

GOAL_HELP_MS = 250.0
GOAL_QUOTES_S = 3.0
LONGEST_S = 30.0
RUNS = 5


def bench_help(benchmark: BenchmarkFixture, table: Table) -> None:
    """`perpmaker --help`, interpreter included."""

    def run() -> None:
        subprocess.run(command("--help"), check=True, capture_output=True)

    benchmark.pedantic(run, rounds=15, warmup_rounds=2)
    took = benchmark.stats.stats.median * 1e3
    table.add("perpmaker --help", "<= 250 ms", f"{took:.0f} ms", reached=took <= GOAL_HELP_MS)


def bench_first_quotes(table: Table, tmp_path: Path) -> None:
    """From the command to the venue's acceptance of a quote: plugins, check, sandbox child, connection, account."""
    times = [_first_quotes_s(tmp_path / str(number)) for number in range(RUNS)]
    took = median(times)
    table.add("run to first quotes on the sandbox", "<= 3 s", f"{took:.2f} s", reached=took <= GOAL_QUOTES_S)


def _first_quotes_s(home: Path) -> float:
    """One start."""
    home.mkdir()
    began = time.time()

    with running(home, "run", str(CONFIGURATION)) as process:
        while time.time() < began + LONGEST_S:
            accepted_ms = first_step_ms(home, '"OrderAccepted"')

            if accepted_ms is not None:
                return accepted_ms / 1e3 - began

            assert process.poll() is None, process.communicate()
            time.sleep(0.05)

    raise AssertionError("no quote rested in time")
