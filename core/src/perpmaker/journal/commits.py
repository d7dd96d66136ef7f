"""How rows get into the file: chained, committed, and witnessed once they are on the disk.

A durable commit waits for the disk, and takes everything before it along. Any other one is in the file when it
returns, so that no end of the process loses it, and on the disk a while later: the power going away may take the
newest of them. A file that has grown to `LARGE_BYTES` is kept as an older part; its successor begins with what it is
given.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from perpmaker.errors import JournalError
from perpmaker.journal import rotation
from perpmaker.journal.file import (
    Row,
    Witness,
    append,
    connect,
    last_hash,
    open_witness,
    set_durable,
)
from perpmaker.journal.read_only import OPENING
from perpmaker.journal.retention import UNLIMITED, Retention

LARGE_BYTES = 64_000_000
LOOK_BYTES = 3_000_000
"""Bytes of rows between one look at the size and the next."""

ROW_BYTES = 200
"""What a row takes beside its payload, about."""

HELD_BYTES = 4 * LARGE_BYTES
"""The size from which a file is spoken of that cannot be put behind."""


class Commits:
    """The end of a journal's file.

    `carried` answers what a successor of the file begins with, `key` whose it is. `tell` is given what a person should
    know, `retention` says how long older parts are kept.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path | None,
        key: str,
        carried: Callable[[], Sequence[Row]],
        *,
        retention: Retention = UNLIMITED,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.connection = connection
        self._path = path
        self._key = key
        self._carried = carried
        self._retention = retention
        self._tell = tell
        self._seq, self._last = last_hash(connection)
        self._bytes = 0
        self._is_durable = True
        self._is_held = False
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

        for row in rows:
            self._bytes += len(row.payload) + ROW_BYTES

        if self._bytes >= LOOK_BYTES:
            with OPENING:
                self._stay_small(rows[-1].utc_ms)

    def close(self) -> None:
        """Close the files."""
        self.connection.close()

        if self._witness is not None:
            self._witness.close()

    def _see(self) -> None:
        if self._witness is not None:
            self._witness.see(self._seq, self._last)

    def _stay_small(self, utc_ms: int) -> None:
        """Go on in a new file when this one has grown large."""
        self._bytes = 0

        if self._path is None or (size := self._size()) < LARGE_BYTES:
            return

        if not rotation.is_alone(self.connection):
            self._say_held(self._path, size)
            return

        number = rotation.number_of(self.connection)

        try:
            rotation.write_next(self._path, self._key, self._carried(), number + 1)
        except (JournalError, sqlite3.Error, OSError):
            rotation.go_back(self.connection)  # no room for a second file: the first one goes on
            return

        self._take_next(self._path, number)
        self._retention.apply(self._path, utc_ms, self._tell)

    def _take_next(self, path: Path, number: int) -> None:
        """Put the full file behind. Where its names cannot be changed it goes on."""
        self.close()

        try:
            rotation.take_next(path, number)
        except OSError:
            rotation.undo(path, number)

        self.connection = connect(path)
        self._is_durable, self._is_held = True, False
        self._witness = open_witness(path)
        self._seq, self._last = last_hash(self.connection)
        self._see()

    def _size(self) -> int:
        (pages,), (size,) = (
            self.connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
        )

        return int(pages) * int(size)

    def _say_held(self, path: Path, size: int) -> None:
        """Say once that a file grows on because another program has it open all the time."""
        if size < HELD_BYTES or self._is_held:
            return

        self._is_held = True
        self._tell(
            f"the journal {path} has grown to {size / 1e6:.0f} MB: it cannot be put behind while another program has "
            "it open all the time, as one that copies it does"
        )
