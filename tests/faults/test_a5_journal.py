"""A5: a journal that cannot be written any more halts the run: exit code 7, where it is, and what to do."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perpmaker.journal.remedy import remedy

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
BYTES = 200_000
"""Longest file that the process may write: its journal gets there soon after its start."""


def limit() -> None:
    """Limit the size of every file that the process writes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))


def test_A5_a_journal_that_cannot_grow_halts_with_its_own_exit_code(tmp_path: Path) -> None:
    """The limit on the size of files is met while the run trades; it stops cleanly, and the code is that of a halt."""
    words = [sys.executable, "-m", "perpmaker", "run", str(EXAMPLE), "--set", "order_refresh_time=0.2"]
    err = tmp_path / "err"

    with err.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603  # our own command
            words,
            env=os.environ | {"PERPMAKER_HOME": str(tmp_path / "home")},
            stdout=subprocess.DEVNULL,
            stderr=said,
            preexec_fn=limit,  # noqa: PLW1509  # this process has no other thread
        )

    try:
        until = time.monotonic() + 300

        while "halted: " not in err.read_text(encoding="utf-8"):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=300) == 7
    finally:
        process.kill()

    line = next(line for line in err.read_text(encoding="utf-8").splitlines() if "halted: " in line)
    assert str(tmp_path / "home" / "journal") in line
    assert "ulimit -f" in line


def broken(code: int) -> sqlite3.Error:
    """An error of SQLite's with its code."""
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code

    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (broken(sqlite3.SQLITE_FULL), "make room"),
        (OSError(errno.ENOSPC, ""), "make room"),
        (OSError(), "look at that disk"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (broken(sqlite3.SQLITE_IOERR_WRITE), "ulimit -f"),
                (broken(sqlite3.SQLITE_READONLY), "owner"),
                (broken(sqlite3.SQLITE_CORRUPT), "look at that disk"),
                (broken(sqlite3.SQLITE_BUSY_SNAPSHOT), "end what else has it open"),
                (OSError(errno.EFBIG, ""), "ulimit -f"),
                (OSError(errno.EROFS, ""), "owner"),
            )
        ),
    ],
    ids=repr,
)
def test_A5_each_cause_has_its_remedy(error: sqlite3.Error | OSError, word: str) -> None:
    """A full disk, a limit, rights that were taken, another program."""
    assert word in remedy(error)
