"""Opens a journal's file to look at it, whoever else has it open: nothing is written, made or removed beside it.

SQLite makes a `-shm` file for a write-ahead log that has none, so a file is opened in the way that needs nothing new:

* a bot has it open, or was killed: its log and the log's index are there, and the index is opened read-only
* its log is there without an index, as after a restore: it is read from a copy in a temporary directory
* there is no log: the file is all there is

In the process of a bot this is safe too, in any thread: SQLite shares a log's index within a process, and one that was
opened read-only first would be so for the bot as well. So whoever opens a journal to write it holds `OPENING`.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs

OPENING: Final = threading.RLock()
"""Held while a file is read, and while one is opened to be written, or changes its name, in this process."""

_TRIES = 20
"""How often a file is opened anew that became another one while it was opened."""


@attrs.frozen
class _Shape:
    """What is at a path: the file, and whether a log with anything in it and the log's index stand beside it."""

    inode: int
    has_log: bool
    has_index: bool


class MovedError(sqlite3.OperationalError):
    """A file that became another one again and again while it was opened."""


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the file, inside of a read transaction: all that is asked is of one moment.

    It is to be left soon: a journal cannot go on in a new file while somebody reads it. sqlite3.Error or OSError when
    the file cannot be read.
    """
    with OPENING, ExitStack() as stack:
        yield stack.enter_context(closing(_opened(path, stack)))


def _opened(path: Path, stack: ExitStack) -> sqlite3.Connection:
    for _ in range(_TRIES):
        before = _shape(path)

        try:
            connection = _connection(path, before, stack)
        except FileNotFoundError:  # its log: the bot has ended in this moment
            if not path.exists():
                raise

            continue

        try:
            connection.execute("BEGIN")
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # the transaction begins here

            if _shape(path) == before:
                return connection
        except sqlite3.Error:
            if _shape(path) == before:
                connection.close()
                raise
        except BaseException:
            connection.close()
            raise

        connection.close()

    raise MovedError(f"it was replaced {_TRIES} times while it was opened")


def _shape(path: Path) -> _Shape:
    log, index = (_size(path.with_name(path.name + suffix)) for suffix in ("-wal", "-shm"))

    return _Shape(inode=path.stat().st_ino, has_log=bool(log), has_index=log is not None and index is not None)


def _size(path: Path) -> int | None:
    """The size of a file that may go at any moment; None where it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _connection(path: Path, shape: _Shape, stack: ExitStack) -> sqlite3.Connection:
    if shape.has_index:
        options = "mode=ro&readonly_shm=1"
    elif shape.has_log:
        path = _copied(path, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="perpmaker-"))))
        options = "mode=rw"
    else:
        options = "mode=ro&immutable=1"

    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?{options}", uri=True, isolation_level=None)


def _copied(path: Path, scratch: Path) -> Path:
    """Copy the file with its log. No process has it open: one that had would have an index."""
    for suffix in ("", "-wal"):
        shutil.copyfile(path.with_name(path.name + suffix), scratch / f"copy{suffix}")

    return scratch / "copy"
