"""What a running bot takes of memory, and an installation of disk."""

from __future__ import annotations

import os
import time
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import perpmaker
from benchmarks.process import CONFIGURATION, first_step_ms, running
from benchmarks.table import Table

GOAL_MIB = 60.0
GOAL_MB = 25.0
RUN_S = 15.0


def bench_resident_memory(table: Table, tmp_path: Path) -> None:
    """The bot's own process (the sandbox is another one), after it has quoted for a while."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell the resident memory of a process")

    with running(tmp_path, "run", str(CONFIGURATION)) as process:
        time.sleep(RUN_S)
        assert process.poll() is None, process.communicate()
        assert first_step_ms(tmp_path, '"OrderAccepted"') is not None, "it did not quote"
        pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])

    resident = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    table.add("resident memory of one running bot", "<= 60 MiB", f"{resident:.0f} MiB", reached=resident <= GOAL_MIB)


def bench_installed_size(table: Table) -> None:
    """The core with everything that it depends on, without bytecode."""
    names = _closure("perpmaker")
    size = sum(_size(name) for name in names) / 1e6
    measured = f"{size:.1f} MB  ({len(names)} distributions)"
    table.add("installed core with its dependencies", "<= 25 MB", measured, reached=size <= GOAL_MB)


def _closure(root: str) -> set[str]:
    """The distribution and all that it needs here, by name."""
    known: set[str] = set()
    waiting = [root]

    while waiting:
        name = waiting.pop().lower().replace("_", "-")

        if name not in known:
            known.add(name)
            needs = [Requirement(text) for text in distribution(name).requires or ()]
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]

    return known


def _size(name: str) -> int:
    """Bytes of a distribution's files; of our own, which is installed editable, those of its sources."""
    if name == "perpmaker":
        files = [path for path in Path(perpmaker.__file__).parent.rglob("*") if path.is_file()]
    else:
        files = [Path(str(path.locate())) for path in distribution(name).files or ()]

    return sum(path.stat().st_size for path in files if path.suffix != ".pyc" and path.exists())
