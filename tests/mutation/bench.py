"""Runs tests on copies of the sources: in a process of pytest's own, or in forks of one that has collected them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[2]
SOURCES = ("core/src", "plugins/binance_perpetual/src", "plugins/price_sources/src", "plugins/risk_modules/src")

TESTS = (
    "tests/core/state",
    "tests/core/exits",
    "tests/core/execution",
    "tests/core/decision",
    "tests/core/journal",
    "tests/core/runtime",
    "tests/core/launch",
    "tests/core/scenarios",
    "tests/faults",
    "tests/binance_perpetual",
)
"""The tests that run in one process, on virtual time for the greater part."""


def command(tests: Iterable[str], *options: str) -> list[str]:
    """Give the command that runs tests in one process."""
    plugins = ("-p", "pytest_reach", "-p", "pytest_serve", "-n", "0", "--hypothesis-seed=0", "-q", "--tb=no")

    return [sys.executable, "-m", "pytest", *plugins, *options, *tests]


def environment(sources: Path, **told: object) -> dict[str, str]:
    """Give the environment in which a copy of the sources is imported, and the plugins of this folder."""
    paths = [str(Path(__file__).parent), *(str(sources / source) for source in SOURCES)]
    told = {f"MUTATION_{name.upper()}": str(value) for name, value in told.items()}

    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1", **told}


def pytest(
    tests: Iterable[str], sources: Path, *options: str, limit_s: float, **told: object
) -> tuple[int | None, str]:
    """Run tests on a copy of the sources; the exit code (-1 when time was up) and what pytest wrote."""
    environ = environment(sources, **told)

    try:
        done = subprocess.run(  # noqa: S603  # the command is ours
            command(tests, *options),
            cwd=ROOT,
            env=environ,
            timeout=limit_s,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, ""

    return done.returncode, done.stdout


@attrs.define
class Bench:
    """A copy of the sources, and a process that has collected the tests of it."""

    copy: Path
    _server: subprocess.Popen[bytes] | None = None
    _ask: Any = None
    _answers: Any = None

    def start(self, tests: Iterable[str]) -> None:
        """Copy the sources, and have the tests collected."""
        for source in SOURCES:
            shutil.copytree(ROOT / source, self.copy / source)

        asked, ask = os.pipe()
        answers, answer = os.pipe()
        self._server = subprocess.Popen(  # noqa: S603  # the command is ours
            command(dict.fromkeys(test.partition("::")[0] for test in tests)),
            cwd=ROOT,
            env=environment(self.copy, serve=f"{asked},{answer}"),
            pass_fds=(asked, answer),
            stdout=subprocess.DEVNULL,
        )
        os.close(asked)
        os.close(answer)
        self._ask, self._answers = os.fdopen(ask, "w"), os.fdopen(answers)
        self._answers.readline()  # no change is written before the process has imported what there is

    def stop(self) -> None:
        """End the process."""
        if self._server is not None:
            self._ask.close()
            self._server.wait()

    def run(self, file: str, changed: str, tests: dict[str, float], *, swap: bool) -> dict[str, Any]:
        """Run tests on a change of a file, in their order, until one fails; what came of it, and by which.

        `swap`: the change is in a function, so that its code may be changed in a process that has imported it.
        """
        target = self.copy / file
        original = target.read_text(encoding="utf-8")
        target.write_text(changed, encoding="utf-8")
        limit_s = 120 + 5 * sum(tests.values())

        try:
            if swap:
                change = {"file": str(target), "before": original, "after": changed, "tests": tests, "limit_s": limit_s}
                self._ask.write(json.dumps(change) + "\n")
                self._ask.flush()
                found: dict[str, Any] = json.loads(self._answers.readline())

                if found["outcome"] in {"killed", "survived", "timeout"}:
                    return found

            return self._alone(tests, limit_s)
        finally:
            target.write_text(original, encoding="utf-8")

    def _alone(self, tests: dict[str, float], limit_s: float) -> dict[str, Any]:
        plan = self.copy / "chosen.json"
        plan.write_text(json.dumps(tests))
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        code, said = pytest(files, self.copy, "-x", limit_s=limit_s, chosen=plan)

        if code == 0:
            return {"outcome": "survived"}

        by = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - |$)", said, re.MULTILINE)

        return {"outcome": "killed" if by else "timeout", "by": by.group(1) if by else None}
