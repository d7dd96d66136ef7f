"""The journal: what was intended before it was sent, what came of it, and how it was decided.

One SQLite file per account and market (write-ahead log, `synchronous = FULL`: a row that was recorded survives the
power going away). Commits run in the event loop on purpose: one takes about 0.13 ms there, and in a thread four times
that. Each row carries the hash of the one before it, because SQLite's own check does not see changed payloads.

A journal that cannot be written stays broken (`JournalError` from then on): nothing may be sent without a row.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import msgspec

from perpmaker.engine.home import Key
from perpmaker.errors import JournalError
from perpmaker.execution.action import Action, Place
from perpmaker.model.event import Event
from perpmaker.model.order import NewOrder

SCHEMA = 1
VERIFIED_ROWS = 20_000
_GENESIS = b"perpmaker journal 1"
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
"""


@attrs.frozen(kw_only=True)
class Row:
    """One row as it stands: `kind` is run, intent, step or notice; `name` what it can be found by (run, client id)."""

    run: str
    kind: str
    name: str | None
    utc_ms: int
    payload: bytes


@attrs.frozen(kw_only=True)
class Step:
    """One call of the trader that mattered: the events it was given, what it decided, what it had to say."""

    at: float
    events: Sequence[Event]
    actions: Sequence[Action]
    notices: Sequence[str]


class Journal:
    """An open journal of one run. What `record_*` was given is durable when it returns."""

    def __init__(self, connection: sqlite3.Connection, run: str) -> None:
        self._connection = connection
        self._run = run
        self._last = _last_hash(connection)
        self._broken: str | None = None

    @property
    def broken(self) -> str | None:
        """Why nothing can be recorded any more; None while all is well."""
        return self._broken

    def record_run(self, utc_ms: int, about: dict[str, str]) -> None:
        """The first row of a run: its id is known from now on, and what it was started with."""
        self._append([self._row("run", self._run, utc_ms, about)])

    def record_step(self, step: Step, utc_ms: int) -> None:
        """One decision: a row for each order about to be sent, then the step itself, in one commit."""
        rows = [
            self._row("intent", action.order.client_id, utc_ms, action.order)
            for action in step.actions
            if isinstance(action, Place)
        ]
        payload = {
            "at": step.at,
            "events": [[type(event).__name__, event] for event in step.events],
            "actions": [[type(action).__name__, action] for action in step.actions],
            "notices": list(step.notices),
        }
        self._append([*rows, self._row("step", None, utc_ms, payload)])

    def record_notice(self, text: str, utc_ms: int) -> None:
        """Something a person was told."""
        self._append([self._row("notice", None, utc_ms, text)])

    def knows_run(self, run: str) -> bool:
        """Whether the run, this one or an earlier one, has written here."""
        found = self._connection.execute("SELECT 1 FROM row WHERE name = ? AND kind = 'run'", (run,))

        return found.fetchone() is not None

    def intent(self, client_id: str) -> NewOrder | None:
        """The order that was about to be sent under this id, by this run or an earlier one."""
        query = "SELECT payload FROM row WHERE name = ? AND kind = 'intent' ORDER BY seq DESC"
        found = self._connection.execute(query, (client_id,)).fetchone()

        if found is None:
            return None

        order = msgspec.json.decode(found[0], type=NewOrder)

        return attrs.evolve(order, slot=attrs.evolve(order.slot))  # made by its class: decoding sets no cached hash

    def rows(self) -> Iterator[Row]:
        """Every row, oldest first."""
        for run, kind, name, utc_ms, payload in self._connection.execute(
            "SELECT run, kind, name, utc_ms, payload FROM row ORDER BY seq"
        ):
            yield Row(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload)

    def _row(self, kind: str, name: str | None, utc_ms: int, content: object) -> Row:
        return Row(run=self._run, kind=kind, name=name, utc_ms=utc_ms, payload=msgspec.json.encode(content))

    def _append(self, rows: Sequence[Row]) -> None:
        """Commit the rows together, each chained to the one before it."""
        if self._broken is not None:
            raise JournalError(self._broken)

        last, chained = self._last, []

        for row in rows:
            last = _hash(last, row)
            chained.append((row.run, row.kind, row.name, row.utc_ms, row.payload, last))

        try:
            with _transaction(self._connection):
                self._connection.executemany(
                    "INSERT INTO row (run, kind, name, utc_ms, payload, hash) VALUES (?, ?, ?, ?, ?, ?)", chained
                )
        except sqlite3.Error as error:
            self._broken = f"the journal cannot be written: {error}"
            raise JournalError(self._broken) from error

        self._last = last


@contextmanager
def open_journal(path: Path | None, key: Key, run: str) -> Iterator[tuple[Journal, Path | None]]:
    """Open the journal of an account and market for a run (`path` None: in memory, gone at the end).

    Yields the journal, and where a damaged one was put aside, if one was: then the account is read from the venue as
    after any start, and orders of runs that only the damaged one knew are not adopted.

    Raises:
        JournalError: it belongs to another account or market, to a newer version, or cannot be opened at all.
    """
    aside = None if path is None else _put_aside_if_damaged(path)

    with closing(_connect(path)) as connection:
        _claim(connection, key, path)

        yield Journal(connection, run), aside


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open the file (made 0600 before SQLite sees it: its log files take the same mode) and set it up."""
    try:
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))

        connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None, timeout=0.2)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_TABLES)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the journal {path} cannot be opened: {error}") from error

    return connection


def _claim(connection: sqlite3.Connection, key: Key, path: Path | None) -> None:
    """Write down whose journal this is, or refuse one that is somebody else's."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()

    if version > SCHEMA:
        raise JournalError(f"the journal {path} was written by a newer version (schema {version}, known {SCHEMA})")

    connection.execute("CREATE TABLE IF NOT EXISTS owner (key TEXT NOT NULL) STRICT")
    found = connection.execute("SELECT key FROM owner").fetchone()

    if found is None:
        connection.execute("INSERT INTO owner VALUES (?)", (str(key),))
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    elif found[0] != str(key):
        raise JournalError(f"the journal {path} is that of {found[0]}, not of {key}")


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


def _hash(before: bytes, row: Row) -> bytes:
    """Bind a row to all rows before it."""
    digest = hashlib.sha256(before)

    for part in (row.run, row.kind, row.name or "", str(row.utc_ms)):
        digest.update(part.encode() + b"\0")

    digest.update(row.payload)

    return digest.digest()


def _last_hash(connection: sqlite3.Connection) -> bytes:
    found = connection.execute("SELECT hash FROM row ORDER BY seq DESC LIMIT 1").fetchone()

    return _GENESIS if found is None else bytes(found[0])


def _put_aside_if_damaged(path: Path) -> Path | None:
    """Rename a journal whose newest rows do not prove each other, or that is no database at all."""
    if not path.exists() or _is_sound(path):
        return None

    aside = path.with_name(f"{path.name}.damaged-{path.stat().st_mtime_ns // 1_000_000}")
    path.rename(aside)

    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

    return aside


def _is_sound(path: Path) -> bool:
    """Whether the newest rows (`VERIFIED_ROWS` of them, so that starting stays quick) chain to each other."""
    query = "SELECT run, kind, name, utc_ms, payload, hash FROM row ORDER BY seq DESC LIMIT ?"

    try:
        with closing(sqlite3.connect(path, timeout=0.2)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'row'").fetchone() is None:
                return True  # made, and killed before its first row

            newest = connection.execute(query, (VERIFIED_ROWS + 1,)).fetchall()[::-1]
    except sqlite3.Error:
        return False

    whole = len(newest) <= VERIFIED_ROWS
    before = _GENESIS if whole else bytes(newest[0][5])

    for run, kind, name, utc_ms, payload, found in newest if whole else newest[1:]:
        before = _hash(before, Row(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload))

        if before != found:
            return False

    return True
