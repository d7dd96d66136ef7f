"""The command as a person starts it, in a process of its own with a state directory of its own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

CONFIGURATION = Path(__file__).parents[1] / "examples" / "sandbox.toml"
END_S = 60.0


def command(*words: str) -> Sequence[str]:
    """The installed command with these words."""
    return [str(Path(sys.executable).with_name("perpmaker")), *words]


def environment(home: Path) -> Mapping[str, str]:
    """This process's environment with a state directory of its own."""
    return {**os.environ, "PERPMAKER_HOME": str(home)}


@contextmanager
def running(home: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs while the block does and is asked to end after it."""
    quiet = subprocess.PIPE

    with subprocess.Popen(
        command(*words), env=environment(home), stdout=quiet, stderr=quiet, stdin=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=END_S)


def first_step_ms(home: Path, event: str) -> int | None:
    """When, by UTC, the journal first knew of an event of this name; None when it does not yet."""
    for path in home.rglob("*"):
        if path.is_file() and path.read_bytes()[:6] == b"SQLite":
            found = _first_in(path, event)

            if found is not None:
                return found

    return None


def _first_in(path: Path, event: str) -> int | None:
    """The same of one file, which may not have its tables yet."""
    query = "SELECT min(utc_ms) FROM row WHERE kind = 'step' AND instr(payload, ?)"

    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal, suppress(sqlite3.OperationalError):
        found: int | None = journal.execute(query, (event.encode(),)).fetchone()[0]

        return found

    return None
