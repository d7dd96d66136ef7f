"""A log in a file: JSON lines with dates, of bounded size, written by a thread that nobody waits for.

What cannot be written is counted. A disk that is full is told once, and once again when lines are written again.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, time_ns
from typing import Any, Final

from perpmaker.journal.private_file import open_private_file
from perpmaker.plugins.observer import iso_of, plain_value
from perpmaker.runtime.log_flood import LogFlood
from perpmaker.secret import redacted

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one file; then the next one is begun."""

FILES: Final = 5
"""Files that are kept, the one that is written included: `NAME.jsonl`, then `NAME.jsonl.1` to `.4`, the oldest last."""

MOST_WAITING: Final = 5_000
"""Lines that wait to be written at most; what comes on top is dropped and counted."""

TICK_S: Final = 1.0
"""Seconds after which what was repeated is looked at, where nothing comes."""

MOST_BOTS: Final = 20
"""Bots of the same name that may log at once, each to a file of its own."""

LEVELS: Final[Mapping[str, str]] = {
    "halt": "error",
    "error": "error",
    "stop": "warning",
    "disconnect": "warning",
    "refusal": "warning",
}
"""How much a kind matters; all others are `info`."""


class LogFile:
    """The log of one bot. `note` neither waits nor raises. `tell` is given what keeps it from being written.

    `head` stands in every line, `about` in the first one of each process and of each file that was begun for room.
    """

    def __init__(
        self,
        directory: Path,
        stem: str,
        *,
        head: Mapping[str, Any],
        about: Mapping[str, Any],
        tell: Callable[[str], None],
    ) -> None:
        self.head = dict(head)
        self._about = dict(about)
        self.dropped = 0
        self._tell = tell
        self._flood = LogFlood()
        self._queue: SimpleQueue[tuple[int, str, str, Mapping[str, Any]] | None] = SimpleQueue()
        self._file = _RotatedFile(directory, stem)
        self._lost = 0
        self._is_told = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self.note("log", "the log begins", self._about)
        self._thread.start()

    @property
    def path(self) -> Path | None:
        """The file that is being written. None where none could be opened yet."""
        return self._file.path

    def note(self, kind: str, text: str, facts: Mapping[str, Any] | None = None, at_ms: int | None = None) -> None:
        """Have a line written."""
        if self._queue.qsize() >= MOST_WAITING:
            self.dropped += 1
        else:
            self._queue.put((time_ns() // 1_000_000 if at_ms is None else at_ms, kind, text, facts or {}))

    @property
    def is_alive(self) -> bool:
        """Whether something is still to be written."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Let it end once what waits is written."""
        self._queue.put(None)

    # --- the log's thread

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=TICK_S)
            except Empty:
                self._repeat(monotonic())
                continue

            if item is None:
                self._repeat(float("inf"))
                self._file.close()
                return

            at_ms, kind, text, facts = item
            self._repeat(monotonic())
            more = self._flood.admit(kind, text, monotonic())

            if more is not None:
                self._write(at_ms, kind, text, facts if not more else {**facts, "repeated": more})

    def _repeat(self, now: float) -> None:
        """Write how often lines came that were not written."""
        for kind, text, more in self._flood.due(now):
            self._write(time_ns() // 1_000_000, kind, text, {"repeated": more})

    def _write(self, at_ms: int, kind: str, text: str, facts: Mapping[str, Any]) -> None:
        try:
            line = self._line(at_ms, kind, text, facts)
            self._file.write(line, lambda: self._line(at_ms, "log", "the log goes on", self._about))
        except (OSError, ValueError, TypeError, RecursionError) as error:  # beside the disk: a fact that JSON has not
            self._lost += 1
            self._tell_lost(error)
        else:
            self._tell_found()

    def _line(self, at_ms: int, kind: str, text: str, facts: Mapping[str, Any]) -> bytes:
        head = {"at": iso_of(at_ms), "level": LEVELS.get(kind, "info"), "kind": kind, "text": text, **self.head}
        rest = {name: value for name, value in facts.items() if name not in head}
        content = json.dumps({**head, **rest}, default=plain_value, ensure_ascii=False)

        return redacted(content).encode("utf-8", "backslashreplace") + b"\n"

    def _tell_lost(self, error: Exception) -> None:
        if not self._is_told:
            self._is_told = True
            why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            self._tell(f"the log cannot be written ({why}): trading goes on without it")

    def _tell_found(self) -> None:
        """Say how much was not written, in the log and to a person, once something is again."""
        lost, self._lost = self._lost + self.dropped, 0
        self.dropped = 0

        if self._is_told:
            self._is_told = False
            self._tell("the log is written again")

        if lost:
            line = self._line(time_ns() // 1_000_000, "log", f"{lost} lines were lost before", {"lost": lost})

            with suppress(OSError, ValueError):
                self._file.write(line, lambda: line)


class _RotatedFile:
    """A file that begins anew when it is full, and is put aside by number. It is locked: each bot has its own."""

    def __init__(self, directory: Path, stem: str) -> None:
        self._directory = directory
        self._stem = stem
        self._handle: int | None = None
        self._size = 0
        self._is_cut = False
        self.path: Path | None = None

    def write(self, line: bytes, head: Callable[[], bytes]) -> None:
        """Write a line. `head` makes the first one of a file that is begun for room. OSError where it cannot be."""
        if self._handle is None:
            self._open()

        if self._size and self._size + len(line) > MOST_BYTES:
            self._rotate()
            self._append(head())

        self._append(line)

    def close(self) -> None:
        """Close it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> None:
        """Open the first file of this name that no other process writes."""
        for path in _candidates(self._directory, self._stem):
            handle = open_private_file(path)

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue

            self._handle, self.path = handle, path
            self._size = os.lseek(handle, 0, os.SEEK_END)
            self._is_cut = bool(self._size) and os.pread(handle, 1, self._size - 1) != b"\n"
            return

        raise OSError(errno.EBUSY, "other processes write every log of this name")

    def _append(self, content: bytes) -> None:
        """Write all of it, after a line that was cut off on a line of its own."""
        handle = self._handle

        if handle is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

        left = memoryview(b"\n" + content if self._is_cut else content)

        while left:
            written = os.write(handle, left)
            self._size += written
            self._is_cut = True
            left = left[written:]

        self._is_cut = False

    def _rotate(self) -> None:
        """Put the file aside, and begin the next one."""
        path = self.path

        if path is None:
            return

        for number in range(FILES - 1, 0, -1):
            older = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")

            with suppress(FileNotFoundError):
                older.replace(path.with_name(f"{path.name}.{number}"))

        self.close()
        self._open()


def _candidates(directory: Path, stem: str) -> Iterator[Path]:
    yield directory / f"{stem}.jsonl"
    yield from (directory / f"{stem}-{number}.jsonl" for number in range(2, MOST_BOTS + 1))
