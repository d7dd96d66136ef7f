"""Collects what the benchmarks measure, and prints it as one table at the end.

    uv run --group bench pytest benchmarks

The run fails when a row misses its goal. Decisions, book and orders are told by their quietest moment (see
`benchmarks.timing`), starts by their median: these show what else the machine does, so measure on a quiet one.
"""

from __future__ import annotations

import platform

import pytest

from benchmarks.table import Table

ORDER = (
    "bench_depth",
    "bench_decision",
    "bench_message",
    "bench_wire",
    "bench_start",
    "bench_footprint",
    "bench_markets",
    "bench_backtest",
)
TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the table."""
    config.stash[TABLE] = Table()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure in the order in which the rows are documented."""
    items.sort(key=lambda item: ORDER.index(item.path.stem))


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    """The table that this run fills."""
    return request.config.stash[TABLE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    terminalreporter.section(f"{platform.python_implementation()} {platform.python_version()}")

    for line in config.stash[TABLE].lines():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A missed goal is a failure."""
    if session.config.stash[TABLE].missed and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
