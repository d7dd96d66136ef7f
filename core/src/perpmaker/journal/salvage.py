"""What a damaged journal still shows: the runs whose orders are ours, and a halt that was not released."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from perpmaker.journal.halt_latch import HALT

BUSY_S = 3.0
"""Seconds that a journal is waited for which another program holds, as one that copies it does for a moment."""


def salvage_runs(path: Path) -> Iterator[str]:
    """Yield the runs that can be read. A name that is damaged itself matches no order."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            for (run,) in connection.execute("SELECT DISTINCT run FROM row"):
                if isinstance(run, str):
                    yield run
    except (sqlite3.Error, UnicodeError):
        return


def salvage_halt(path: Path) -> bytes | None:
    """Read the payload of the newest row about a halt. None where none can be read."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            found = connection.execute("SELECT payload FROM row WHERE kind = ? ORDER BY seq DESC", (HALT,)).fetchone()
    except (sqlite3.Error, UnicodeError):
        return None

    if found is None:
        return None

    return found[0] if isinstance(found[0], bytes) else b""  # decoded as a halt whose reason is not known
