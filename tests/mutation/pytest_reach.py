"""A pytest plugin of the mutation command: records which test reaches which line, or runs chosen tests in an order.

`MUTATION_RECORD` names the file for the lines, `MUTATION_TIMES` the file for the seconds of each test that passed,
and `MUTATION_CHOSEN` a file with the tests to run, quickest first, and their seconds. A test that takes far longer
than it did ends the process: a change that loops for ever is noticed.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

MEMORY = 3 * 2**30
"""What a change that fills the memory may take: bytes."""


class Lines:
    """Records the lines that each test reaches, on one of the two event loops; no test may start a process."""

    def __init__(self, file: str) -> None:
        from coverage import Coverage  # noqa: PLC0415  # a run of chosen tests does without it

        self.coverage = Coverage(data_file=file, include=os.environ["MUTATION_INCLUDE"].split(","), config_file=False)
        self.coverage.start()
        self.is_running = False
        sys.addaudithook(self._refuse)

    def _refuse(self, event: str, _: Any) -> None:
        if self.is_running and event in {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec"}:
            raise RuntimeError("a test that starts a process is not chosen for a change")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the half that runs on trio where the same test runs on asyncio."""
        items[:] = [item for item in items if parameters(item).get("anyio_backend") != "trio"]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note each line under the test that runs."""
        self.coverage.switch_context(item.nodeid)
        self.is_running = True

        try:
            return (yield)
        finally:
            self.is_running = False
            self.coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        """Write the lines."""
        self.coverage.stop()
        self.coverage.save()


class Times:
    """Notes the seconds of each test that passed."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up setup, call and teardown."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the seconds."""
        passed = {test: round(spent, 4) for test, spent in self.seconds.items() if test not in self.failed}
        self.file.write_text(json.dumps(passed))


class Chosen:
    """Runs chosen tests in the order of a file, each within a time."""

    def __init__(self, file: str) -> None:
        self.seconds: dict[str, float] = json.loads(Path(file).read_text())
        self.place = {test: place for place, test in enumerate(self.seconds)}
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what is chosen, in its order."""
        kept = [item for item in items if item.nodeid in self.place]
        items[:] = sorted(kept, key=lambda item: self.place[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """End the process when the test takes far longer than it did."""
        signal.setitimer(signal.ITIMER_REAL, 20 + 10 * self.seconds[item.nodeid])

        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def parameters(item: pytest.Item) -> dict[str, Any]:
    """Give the parameters of a test; none where it has none."""
    return getattr(getattr(item, "callspec", None), "params", {})


def pytest_configure(config: pytest.Config) -> None:
    """Register what the environment asks for."""
    for name, plugin in (("RECORD", Lines), ("TIMES", Times), ("CHOSEN", Chosen)):
        if file := os.environ.get(f"MUTATION_{name}"):
            config.pluginmanager.register(plugin(file))
