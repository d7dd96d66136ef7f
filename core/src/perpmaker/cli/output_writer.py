"""Writes what a person reads from a thread of its own: a full terminal, pipe or disk delays nobody, and loses lines."""

from __future__ import annotations

import errno
import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep

MOST_BYTES = 1_048_576
"""Bytes that wait for a reader at most; what comes on top is dropped."""


CLOSE_S = 2.0
"""Seconds that an end waits for what is still to be written."""


JOIN_S = 0.2
"""Seconds that the thread of a writer that was closed is given to go."""


RETRY_S = 0.25
"""Seconds between two tries on a disk that is full."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Writer:
    """Writes to a file descriptor from a thread of its own. `put` neither blocks nor raises.

    `remember` is given everything that is to be written.
    """

    def __init__(self, fd: int, remember: Callable[[bytes], None] = lambda _: None) -> None:
        self.fd = fd
        self._remember = remember
        self.is_lost = False
        """Whether the last that was to be written was not."""
        self.fault: OSError | None = None
        """Why something was not written; None while all was."""
        self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._is_closed = False
        self._is_full = False  # nothing is waited for on a disk that was found full, until it takes a line again
        self._changed = threading.Condition(threading.RLock())  # a signal's handler may write while this thread does
        self._thread = threading.Thread(target=self._run, name=f"output {fd}", daemon=True)
        self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._size

    def put(self, content: bytes) -> None:
        """Queue a text to be written in turn. It is dropped where too much waits already."""
        with self._changed:
            self._remember(content)

            if self._size + len(content) > MOST_BYTES or self._is_closed:
                self.dropped += content.count(b"\n") or 1
                return

            self._waiting.append(content)
            self._size += len(content)
            self._changed.notify_all()

    def close(self, within_s: float | None) -> None:
        """End the writing, once all is written or so much time has passed (None: as long as it takes)."""
        until = None if within_s is None else monotonic() + within_s

        with self._changed:
            while self._size and (until is None or until > monotonic()):
                self._changed.wait(None if until is None else until - monotonic())

            if self._size and self.fault is None:
                self.fault = OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

            self.is_lost = self.is_lost or bool(self._size)
            self._is_closed = True
            self._changed.notify_all()

        # A thread that the interpreter has to end itself takes a library to do so, and without a file descriptor to
        # open that the process is aborted. One that is stuck in a write is left to it.
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()

                if self._is_closed:
                    return

                content = self._waiting.popleft()
                told = self.dropped

            is_written = self._write(content if not told else _dropped(told) + content)

            with self._changed:
                self.dropped += -told if is_written else content.count(b"\n") or 1
                self.is_lost = not is_written
                self._size -= len(content)
                self._changed.notify_all()

    def _write(self, content: bytes) -> bool:
        """Write all of it; False where a reader that is gone, or a full disk, does not take it."""
        left = memoryview(content)
        until = monotonic() + (0.0 if self._is_full else CLOSE_S)

        while left:
            try:
                left = left[os.write(self.fd, left) :]
                self._is_full = False
            except BlockingIOError:
                select.select([], [self.fd], [], RETRY_S)
            except InterruptedError:
                continue
            except OSError as error:
                self.fault = error
                self._is_full = error.errno in _FULL

                if not self._is_full or monotonic() >= until or self._is_closed:
                    return False

                sleep(RETRY_S)

        return True


class QueuedText(io.TextIOBase):
    """A text stream whose lines go to a `Writer`: it takes the place of sys.stdout and sys.stderr."""

    encoding = "utf-8"

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer
        self.buffer = _QueuedBytes(writer)

    def write(self, text: str) -> int:
        """Queue a text. What UTF-8 cannot say is escaped."""
        self._writer.put(text.encode("utf-8", "backslashreplace"))

        return len(text)

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Return whether a person reads it."""
        return os.isatty(self._writer.fd)

    def fileno(self) -> int:
        """Return the descriptor that the writer writes to."""
        return self._writer.fd

    @property
    def is_idle(self) -> bool:
        """Whether all of it has been taken by its reader."""
        return self._writer.is_idle


class _QueuedBytes(io.RawIOBase):
    """The bytes below a `QueuedText`, for what writes them directly."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def writable(self) -> bool:
        return True

    def write(self, content: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # Buffer, of 3.12
        copied = bytes(content)
        self._writer.put(copied)

        return len(copied)


def _dropped(lines: int) -> bytes:
    return f"... {lines} lines were dropped, because nothing took them\n".encode()
