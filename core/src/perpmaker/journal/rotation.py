"""A journal that has grown large goes on in a new file, and the full one is kept as an older part.

The names change while nothing has the full file open, this process included: a log that stood beside it under its old
name would be taken for that of the new file. So the file is taken out of the log's mode first, which SQLite does for
the last one that has it open only. While another program reads it, it goes on as it is, and that is tried again later.

In this order, each step on the disk before the next::

    the new file is written whole, as `.next`, with what it repeats at its beginning
    the full file is renamed to its number, and the witness of its newest row removed
    the new file is renamed to the journal

`finish_rotation` mends a crash between any two of them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from perpmaker.journal.file import GENESIS, Row, append, claim, connect, witness_path
from perpmaker.journal.parts import FIRST, SIDE_FILES, next_path, part_path


def is_alone(connection: sqlite3.Connection) -> bool:
    """Take the file out of the log's mode, and return whether that could be: nobody else has it open then."""
    connection.execute("PRAGMA busy_timeout = 0")

    try:
        (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError:
        return False
    finally:
        connection.execute("PRAGMA busy_timeout = 3000")

    return bool(mode == "delete")


def go_back(connection: sqlite3.Connection) -> None:
    """Let the file go on as it was."""
    connection.execute("PRAGMA journal_mode = WAL")


def number_of(connection: sqlite3.Connection) -> int:
    """Return the number that the file has in its journal."""
    found = connection.execute("SELECT number FROM part").fetchone()

    return FIRST if found is None else int(found[0])


def write_next(path: Path, key: str, rows: Sequence[Row], number: int) -> None:
    """Write the file that is to come after this one, whole, with these rows at its beginning."""
    following = next_path(path)
    _remove(following)

    with closing(connect(following)) as connection:
        claim(connection, key, following, number=number, repeated=len(rows))
        append(connection, rows, GENESIS)

    _sync(path.parent)


def take_next(path: Path, number: int) -> None:
    """Put the full file behind under its number, and the next one in its place. Nothing has the full one open."""
    path.replace(part_path(path, number))
    witness_path(path).unlink(missing_ok=True)
    _sync(path.parent)
    next_path(path).replace(path)
    _sync(path.parent)


def undo(path: Path, number: int) -> None:
    """Take the full file back where the names could not be changed. OSError where that cannot be either."""
    if not path.exists():
        part_path(path, number).replace(path)


def finish_rotation(path: Path) -> None:
    """After a crash within a rotation: the new file takes its place, or is dropped where the full one still stands."""
    following = next_path(path)

    if following.exists() and not path.exists():
        witness_path(path).unlink(missing_ok=True)
        following.replace(path)
        _sync(path.parent)

    _remove(following)


def _remove(path: Path) -> None:
    for suffix in ("", *SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    """Have the names of a directory on the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    try:
        os.fsync(handle)
    finally:
        os.close(handle)
