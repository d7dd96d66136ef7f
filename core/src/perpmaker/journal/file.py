"""The journal as a file: rows that prove each other, a witness of the newest one, and what is done with damage.

SQLite's own check does not see a changed payload: each row carries the hash of the one before it. The chain does not
see rows that were cut off at its end (a write-ahead log that was deleted): the witness, a small file of its own, does,
up to the last row that was on the disk for certain.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from perpmaker.errors import JournalError
from perpmaker.journal.parts import SIDE_FILES, following_number
from perpmaker.journal.private_file import open_private_file
from perpmaker.journal.read_only import OPENING
from perpmaker.journal.salvage import BUSY_S, salvage_halt, salvage_runs

SCHEMA = 1
GENESIS = b"perpmaker journal 1"
NOT_NOW = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""What tells of the disk, or of somebody who holds the file, and nothing of what is in it."""

_COLUMNS = "run, kind, name, utc_ms, payload"
_TABLES = """
CREATE TABLE IF NOT EXISTS row (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    utc_ms INTEGER NOT NULL,
    payload BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS row_name ON row (name) WHERE name IS NOT NULL;
CREATE TABLE IF NOT EXISTS owner (key TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS part (number INTEGER NOT NULL, repeated INTEGER NOT NULL) STRICT;
"""


@attrs.frozen(kw_only=True)
class Row:
    """One row as it stands. `name` is what it can be found by.

    `kind` is run, start, inputs, intent, amend, entry, step, notice, memory, halt or end.
    """

    run: str
    kind: str
    name: str | None
    utc_ms: int
    payload: bytes


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the file (made 0600 before SQLite sees it: its log files take the same mode) and set it up.

    `path` None: in memory. JournalError when it cannot be opened or written.
    """
    try:
        with OPENING:
            if path is not None:
                os.close(open_private_file(path))

            connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None, timeout=BUSY_S)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_TABLES)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the journal {path} cannot be opened: {error}") from error

    return connection


def set_durable(connection: sqlite3.Connection, *, durable: bool) -> None:
    """Whether the commits from now on wait until they, and all before them, are on the disk."""
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")


def claim(
    connection: sqlite3.Connection, key: str, path: Path | None, *, number: int | None = None, repeated: int = 0
) -> None:
    """Write down whose journal this is. JournalError for one of another owner or of a newer version.

    A new file is given its number in the journal, where that is not the one after the newest older part, and how many
    rows at its beginning repeat those of the file before it.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()

    if version > SCHEMA:
        raise JournalError(f"the journal {path} was written by a newer version (schema {version}, known {SCHEMA})")

    found = connection.execute("SELECT key FROM owner").fetchone()

    if found is None:
        number = following_number(path) if number is None else number

        with _transaction(connection):
            connection.execute("INSERT INTO part VALUES (?, ?)", (number, repeated))
            connection.execute("INSERT INTO owner VALUES (?)", (key,))
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
    elif found[0] != key:
        raise JournalError(f"the journal {path} is that of {found[0]}, not of {key}")


def last_hash(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return number and hash of the newest row: 0 and the beginning of all chains when there is none."""
    found = connection.execute("SELECT seq, hash FROM row ORDER BY seq DESC LIMIT 1").fetchone()

    return (0, GENESIS) if found is None else (found[0], bytes(found[1]))


def append(connection: sqlite3.Connection, rows: Sequence[Row], last: bytes) -> bytes:
    """Commit the rows together, each chained to the one before it, and return the hash of the last.

    Raises:
        sqlite3.Error: the commit fails.
    """
    chained = []

    for row in rows:
        last = chain(last, row)
        chained.append((row.run, row.kind, row.name, row.utc_ms, row.payload, last))

    with _transaction(connection):
        connection.executemany(f"INSERT INTO row ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?)", chained)  # noqa: S608  # our own words

    return last


def chain(before: bytes, row: Row) -> bytes:
    """Bind a row to all rows before it."""
    digest = hashlib.sha256(before)

    for part in (row.run, row.kind, row.name or "", str(row.utc_ms)):
        digest.update(part.encode() + b"\0")

    digest.update(row.payload)

    return digest.digest()


def read_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield every row, oldest first."""
    for run, kind, name, utc_ms, payload in connection.execute(f"SELECT {_COLUMNS} FROM row ORDER BY seq"):  # noqa: S608  # the same
        yield Row(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload)


# --- the witness ---------------------------------------------------------------------------------------------------


def witness_path(path: Path) -> Path:
    """Return the file beside the journal that knows its newest row."""
    return path.with_name(f"{path.name}.head")


@attrs.define
class Witness:
    """Knows the newest row of a journal that is on the disk for certain: it may be behind the rows, and never ahead."""

    _handle: int

    def see(self, seq: int, digest: bytes) -> None:
        """Write down the newest row. One that cannot be written is left behind."""
        try:
            os.pwrite(self._handle, f"{seq:020d} {digest.hex()}\n".encode(), 0)
        except OSError:
            return

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)


def open_witness(path: Path) -> Witness:
    """Open the witness of a journal, made 0600 when it is not there."""
    try:
        handle = open_private_file(witness_path(path))
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be opened: {error}") from error

    return Witness(handle)


def _witnessed(path: Path) -> tuple[int, bytes] | None:
    """The newest row that the witness knows of; None where it knows nothing, or nothing that can be read."""
    try:
        seq, digest = witness_path(path).read_text("ascii").split()

        return int(seq), bytes.fromhex(digest)
    except (OSError, ValueError):
        return None


# --- damage --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Damage:
    """A journal that was put aside: where it is now, what was wrong, and the runs that could be read from it.

    `halt` is the payload of its newest row about a halt; None where none could be read.
    """

    aside: Path
    reason: str
    runs: tuple[str, ...]
    halt: bytes | None = None


def put_aside_if_damaged(path: Path) -> Damage | None:
    """Rename a journal that cannot be trusted, with all its files, so that nothing of it is lost or read again."""
    if not path.exists():
        return None

    reason = fault_of(path)

    if reason is None:
        return None

    runs, halt = tuple(salvage_runs(path)), salvage_halt(path)
    aside = path.with_name(f"{path.name}.damaged-{path.stat().st_mtime_ns // 1_000_000}")

    for suffix in ("", *SIDE_FILES, ".head"):
        one = path.with_name(path.name + suffix)

        if one.exists():
            one.rename(aside.with_name(aside.name + suffix))

    return Damage(aside=aside, reason=reason, runs=runs, halt=halt)


def fault_of(path: Path) -> str | None:
    """Return why a journal cannot be trusted.

    None when every row proves the one before it, up to the witness's.

    JournalError when it cannot be looked at now: that is no damage.
    """
    try:
        with OPENING, closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

            if not tables:
                return None if (_witnessed(path) or (0, GENESIS))[0] == 0 else "its rows are gone"

            if not {"row", "owner"} <= tables:
                return "it is not a journal of this kind"

            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()

            return _chain_fault(connection, path) if found == "ok" else f"SQLite says: {found}"
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in NOT_NOW:
            raise JournalError(
                f"the journal {path} cannot be read now: {error}. It was left as it is: "
                "make room on its disk, or end what else has it open"
            ) from error

        return f"it cannot be read ({error})"
    except (UnicodeError, TypeError, ValueError, AttributeError) as error:
        return f"it cannot be read ({error})"


def _chain_fault(connection: sqlite3.Connection, path: Path) -> str | None:
    witnessed = _witnessed(path)
    before, seq = GENESIS, 0
    query = f"SELECT seq, hash, {_COLUMNS} FROM row ORDER BY seq"  # noqa: S608  # our own words

    for number, found, run, kind, name, utc_ms, payload in connection.execute(query):
        before = chain(before, Row(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload))
        seq += 1

        if before != found or number != seq:
            return f"row {seq} is not what was written"

        if witnessed is not None and witnessed[0] == seq and witnessed[1] != before:
            return f"row {seq} is not the one that was written"

    if witnessed is not None and witnessed[0] > seq:
        return f"{witnessed[0] - seq} rows at its end are gone"

    return None


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")

    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

        raise

    connection.execute("COMMIT")
