"""The file of a sweep: a line a point, on the disk when it is written, so that whatever is killed is gone on with.

Two files. `rows.jsonl` grows as points come in, in any order; `results.json` is made of it at the end, by number. The
second says nothing of when, where or in how many tries, so that the same sweep writes the same bytes anywhere.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from perpmaker.errors import SweepError
from perpmaker.sweep.figures import Row

ROWS: Final = "rows.jsonl"
RESULTS: Final = "results.json"

_AGAIN = "Mend that, and start the same command again: what is there stays"


class ResultsFile:
    """What a sweep has come to so far. `rows` are by their key; only this process writes to the folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, which is made where it is not there. SweepError where it cannot be used."""
        self.folder = folder
        self.rows: dict[str, Row] = {}
        self._handle = -1

    def __enter__(self) -> Self:
        path = self.folder / ROWS

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take(path, path.read_bytes())
        except BlockingIOError:
            raise SweepError(f"{self.folder}: another sweep is writing there; name another folder by --out") from None
        except OSError as fault:
            raise SweepError(f"{path}: {fault.strerror}: --out must be a folder that can be written to") from None

        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            os.close(self._handle)

    def add(self, row: Row) -> None:
        """Keep what a point came to. It is on the disk when this returns."""
        line = msgspec.json.encode(row) + b"\n"

        try:
            if os.write(self._handle, line) < len(line):
                raise SweepError(f"{self.folder / ROWS}: no space left. {_AGAIN}")

            os.fsync(self._handle)
        except OSError as fault:
            raise SweepError(f"{self.folder / ROWS}: {fault.strerror}. {_AGAIN}") from None

        self.rows[row.key] = row

    def finish(self, about: Mapping[str, object], rows: Sequence[Row]) -> Path:
        """Write `results.json` of the rows, all at once. Return where it is."""
        path = self.folder / RESULTS
        unfinished = path.with_suffix(".json.part")

        try:
            unfinished.write_bytes(
                msgspec.json.format(msgspec.json.encode({**about, "points": rows}), indent=2) + b"\n"
            )
            unfinished.replace(path)
        except OSError as fault:
            raise SweepError(f"{path}: {fault.strerror}. {_AGAIN}") from None

        return path

    def _take(self, path: Path, content: bytes) -> None:
        """Read the rows that are there. A last line that was cut off while it was written is cut away."""
        *whole, cut = content.split(b"\n")

        for number, line in enumerate(whole, start=1):
            try:
                row = msgspec.json.decode(line, type=Row)
            except msgspec.MsgspecError:
                raise SweepError(f"{path}:{number}: is no row of a sweep; name another folder by --out") from None

            self.rows[row.key] = row

        if cut:
            os.ftruncate(self._handle, len(content) - len(cut))
