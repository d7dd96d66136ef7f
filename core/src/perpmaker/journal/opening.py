"""Opens the journal of an account and a market: what is damaged is put aside, and what it still says carried over."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from perpmaker.errors import JournalError
from perpmaker.journal.file import Damage, claim, connect, put_aside_if_damaged
from perpmaker.journal.journal import Journal
from perpmaker.journal.retention import UNLIMITED, Retention
from perpmaker.journal.rotation import finish_rotation
from perpmaker.journal.state_dir import Key


@contextmanager
def open_journal(
    path: Path | None,
    key: Key,
    run: str,
    *,
    retention: Retention = UNLIMITED,
    tell: Callable[[str], None] = lambda _: None,
    utc_ms: int | None = None,
) -> Iterator[tuple[Journal, Damage | None]]:
    """Open the journal of an account and market for a run (`path` None: in memory, gone at the end).

    `retention` says how long its older parts are kept, `tell` is given what a person should know of that. It acts at
    once where it is told the time.

    Yields the journal, and what was found damaged and put aside, if anything was: then the account is read from the
    venue as after any start. The runs that the damaged one still names are known in the new one; what their orders
    were meant for is not.

    Raises:
        JournalError: it belongs to another account or market, to a newer version, or cannot be opened at all.
    """
    journal, damage = _opened(path, key, partial(Journal, run=run, key=key, path=path, retention=retention, tell=tell))

    try:
        if damage is not None:
            journal.record_salvage(damage.runs, str(damage.aside), damage.halt)

        if path is not None and utc_ms is not None:
            retention.apply(path, utc_ms, tell)

        yield journal, damage
    finally:
        journal.close()


def _opened(
    path: Path | None, key: Key, journal: Callable[[sqlite3.Connection], Journal]
) -> tuple[Journal, Damage | None]:
    """The journal, claimed for its owner, and what was put aside before; JournalError whatever stands in the way."""
    damage = None

    try:
        if path is not None:
            finish_rotation(path)
            damage = put_aside_if_damaged(path)

        connection = connect(path)

        try:
            claim(connection, str(key), path)

            return journal(connection), damage
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the journal {path} cannot be opened: {error}") from error
