"""How rows get into the file: chained, committed, and witnessed once they are on the disk.

A durable commit waits for the disk, and takes everything before it along. Any other one is in the file when it
returns, so that no end of the process loses it, and on the disk a while later: the power going away may take the
newest of them. A file that has grown to `LARGE_BYTES` is put behind; its successor begins with what it is given.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from perpmaker.errors import JournalError
from perpmaker.journal.file import (
    Row,
    Witness,
    append,
    connect,
    last_hash,
    open_witness,
    set_durable,
    take_next,
    write_next,
)

LARGE_BYTES = 64_000_000
LOOK_EVERY = 1_000
"""Rows between one look at the size and the next."""


class Commits:
    """The end of a journal's file.

    `carried` answers what a successor of the file begins with, `key` whose it is.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path | None, key: str, carried: Callable[[], Sequence[Row]]
    ) -> None:
        self.connection = connection
        self._path = path
        self._key = key
        self._carried = carried
        self._seq, self._last = last_hash(connection)
        self._looked_at = self._seq
        self._is_durable = True
        self._witness: Witness | None = None if path is None else open_witness(path)

    def add(self, rows: Sequence[Row], *, durable: bool = True) -> None:
        """Commit the rows together, each bound to the one before it. sqlite3.Error or OSError when it fails."""
        if durable is not self._is_durable:
            set_durable(self.connection, durable=durable)
            self._is_durable = durable

        self._last = append(self.connection, rows, self._last)
        self._seq += len(rows)

        if durable:
            self._see()

        self._stay_small()

    def close(self) -> None:
        """Close the files."""
        self.connection.close()

        if self._witness is not None:
            self._witness.close()

    def _see(self) -> None:
        if self._witness is not None:
            self._witness.see(self._seq, self._last)

    def _stay_small(self) -> None:
        """Go on in a new file when this one has grown large."""
        if self._path is None or self._seq - self._looked_at < LOOK_EVERY:
            return

        self._looked_at = self._seq
        (pages,), (size,) = (
            self.connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
        )

        if pages * size < LARGE_BYTES:
            return

        try:
            write_next(self._path, self._key, self._carried())
        except (JournalError, sqlite3.Error):
            return  # no room for a second file: the first one goes on

        self.close()
        take_next(self._path)
        self.connection = connect(self._path)
        self._is_durable = True
        self._witness = open_witness(self._path)
        self._seq, self._last = last_hash(self.connection)
        self._looked_at = self._seq
        self._see()
