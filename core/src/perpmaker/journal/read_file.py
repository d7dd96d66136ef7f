"""Reads one file of a journal, a piece at a time, without a trace in it, and says what cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from perpmaker.journal.file import GENESIS, SCHEMA, Row, chain
from perpmaker.journal.parts import FIRST, LEGACY, part_path
from perpmaker.journal.read_only import open_read_only

CHUNK = 1_000
"""Rows that are taken at a time, so that a journal is never held for long."""

_UNREADABLE = (OSError, sqlite3.Error, UnicodeError, TypeError, ValueError, AttributeError)
_ROWS: Final = "SELECT seq, hash, run, kind, name, utc_ms, payload FROM row WHERE seq > ? {kinds} ORDER BY seq LIMIT ?"
_REPEATED: Final = (
    "SELECT run, kind, name, utc_ms, payload FROM row WHERE kind IN ('run', 'intent', 'amend', 'memory', 'halt') "
    "ORDER BY seq"
)

_Answer = TypeVar("_Answer")


@attrs.frozen(order=True)
class Cursor:
    """How far a journal was read: the number of the file, and that of the row in it."""

    part: int = -1
    seq: int = 0


@attrs.frozen(kw_only=True)
class ReadRow(Row):
    """A row of a journal, and where it stands."""

    at: Cursor


@attrs.define
class Chunk:
    """Some rows of a file, up to `seq`. `is_last`: no more are in it; `is_whole`: no fault was met."""

    seq: int
    rows: list[ReadRow] = attrs.field(factory=list)
    is_last: bool = True
    is_whole: bool = True


class _FaultError(Exception):
    """What is in a file cannot be read or believed: the message says it to a person."""


@attrs.frozen
class FileReader:
    """Reads the file at `path`; `say` is given the path and what of it cannot be read."""

    path: Path
    say: Callable[[Path, str], None]

    def owner(self) -> str | None:
        """Return whose journal the file says it is. None where it says nothing."""
        found = self._tried(lambda connection: connection.execute("SELECT key FROM owner").fetchone())

        return None if found is None else str(found[0])

    def number(self) -> int | None:
        """Return the number that the file has in its journal. None where it is not there, or cannot be read."""
        return self._tried(_number) if self.path.exists() else None

    def repeated(self, number: int, journal: Path) -> int:
        """Return how many rows at its beginning repeat those of the file before it in the journal."""
        told = self._tried(_told)

        if told is not None:
            return told

        older = FileReader(part_path(journal, LEGACY), self.say)

        if number != FIRST or not older.path.exists():
            return 0

        known = older._tried(lambda connection: set(connection.execute(_REPEATED)))
        rows = self._tried(lambda connection: connection.execute(_REPEATED).fetchall())

        return sum(1 for _ in takewhile((known or set()).__contains__, rows or ()))

    def chunk(
        self, part: int, seq: int, kinds: Collection[str] | None, *, proves: bool, expected: int | None
    ) -> Chunk | None:
        """Return the rows that follow row `seq`; None where the file is another one than that `expected` by now."""
        chunk = Chunk(seq)

        def take(connection: sqlite3.Connection) -> bool:
            if expected is not None and _number(connection) != expected:
                return False

            _take(connection, chunk, part, kinds, proves=proves)

            return True

        if expected is not None and not self.path.exists():
            return None

        taken = self._tried(take)

        if taken is None:
            chunk.is_last, chunk.is_whole = True, False

        return None if taken is False else chunk

    def _tried(self, ask: Callable[[sqlite3.Connection], _Answer]) -> _Answer | None:
        """The answer of a file that can be read; None, and that is said, for any other one."""
        try:
            with open_read_only(self.path) as connection:
                return ask(connection) if _is_begun(connection) else None
        except _FaultError as fault:
            self.say(self.path, str(fault))
        except FileNotFoundError:
            self.say(self.path, "it was removed while it was read, as older parts are after their time")
        except _UNREADABLE as error:
            self.say(self.path, words_of(error))

        return None


def words_of(error: Exception) -> str:
    """Say why a file or directory cannot be read."""
    return f"it cannot be read ({(isinstance(error, OSError) and error.strerror) or error})"


def _is_begun(connection: sqlite3.Connection) -> bool:
    """Whether a file has the tables of a journal; a start makes them a moment after the file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()

    if version > SCHEMA:
        raise _FaultError(f"a newer version has written it (schema {version}, known {SCHEMA}): read it with that one")

    tables = _tables(connection)

    if tables and not {"row", "owner"} <= tables:
        raise _FaultError("it is not a journal of this kind")

    return bool(tables)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _number(connection: sqlite3.Connection) -> int:
    found = _part(connection)

    return FIRST if found is None else found[0]


def _told(connection: sqlite3.Connection) -> int | None:
    found = _part(connection)

    return None if found is None else found[1]


def _part(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Number of the file, and how many rows it repeats; None in one of an early version."""
    if "part" not in _tables(connection):
        return None

    found: tuple[int, int] | None = connection.execute("SELECT number, repeated FROM part").fetchone()

    return found


def _take(
    connection: sqlite3.Connection, chunk: Chunk, part: int, kinds: Collection[str] | None, *, proves: bool
) -> None:
    """Take the rows that follow into the chunk. _FaultError at one that is not what was written."""
    wanted = None if proves else kinds
    query = _ROWS.format(kinds="" if wanted is None else f"AND kind IN ({', '.join('?' * len(wanted))})")
    before = _hash_at(connection, chunk.seq) if proves else b""
    found: list[Any] = connection.execute(query, (chunk.seq, *(wanted or ()), CHUNK)).fetchall()
    chunk.is_last = len(found) < CHUNK

    for seq, digest, run, kind, name, utc_ms, payload in found:
        if proves:
            before = chain(before, Row(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload))

            if before != digest or seq != chunk.seq + 1:
                raise _FaultError(
                    f"row {chunk.seq + 1} is not what was written: it and what follows in this file were not read"
                )

        chunk.seq = seq

        if kinds is None or kind in kinds:
            at = Cursor(part, seq)
            chunk.rows.append(ReadRow(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload, at=at))


def _hash_at(connection: sqlite3.Connection, seq: int) -> bytes:
    found = connection.execute("SELECT hash FROM row WHERE seq = ?", (seq,)).fetchone()

    return GENESIS if found is None else bytes(found[0])
