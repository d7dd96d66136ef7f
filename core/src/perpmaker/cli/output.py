"""What a command writes: through bounded queues to threads, so that no terminal, pipe or disk can stop or end trading.

`owned` gives the command's standard output to its results alone. Whatever else is printed, by a library, a plugin or
its C code, goes where messages go: to standard error. A line that the reader does not take in time is dropped and
counted.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TextIO

import click

from perpmaker.cli.unsaid import Unsaid

MOST_BYTES = 1_048_576
"""Bytes that wait for a reader at most; what comes on top is dropped."""

CLOSE_S = 2.0
"""Seconds that an end waits for what is still to be written."""

SAY_S = 0.5
"""Seconds that what is said after that may take."""

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


_results: Writer | None = None
_messages: Writer | None = None
_may_be_lost = False
_unsaid = Unsaid()


@contextmanager
def owned() -> Iterator[None]:
    """Own standard output and error while a command runs, where they are real ones, as in no test."""
    global _results, _messages, _unsaid  # noqa: PLW0603  # one process has one standard output

    _open_standard()

    if sys.stdout is not sys.__stdout__ or sys.stderr is not sys.__stderr__ or not _are_real():
        yield
        return

    _unsaid = Unsaid()
    results, messages = (Writer(os.dup(descriptor), _unsaid.remember) for descriptor in (1, 2))
    os.dup2(2, 1)  # what is written past Python's streams is no result either
    _results, _messages = results, messages
    sys.stdout, sys.stderr = QueuedText(results), QueuedText(messages)

    try:
        yield
    finally:
        finish()
        _results = _messages = None
        sys.stdout, sys.stderr = _nowhere(), _nowhere()


def is_owned() -> bool:
    """Return whether this process has standard output and error for itself, which it has not in a test."""
    return _results is not None


def finish() -> None:
    """Have what is still to be written taken, in a moment. The rest is kept."""
    writers = [writer for writer in (_results, _messages) if writer is not None]

    for writer in writers:
        writer.close(CLOSE_S)

    _keep(*writers)


def say_past(lines: Iterable[str]) -> None:
    """Write to standard error when the command's own writers are closed already. A moment at most."""
    said = [line.encode("utf-8", "backslashreplace") for line in lines]

    try:
        writer = Writer(2)
    except RuntimeError:  # since Python 3.12 no thread begins any more while the interpreter ends
        _write_at_once(2, said)
        return

    for content in said:
        writer.put(content)

    writer.close(SAY_S)


def _write_at_once(fd: int, said: Iterable[bytes]) -> None:
    """Write without a thread, as long as the other side takes it."""
    with suppress(OSError):
        for content in said:
            if not select.select([], [fd], [], SAY_S)[1]:
                return

            os.write(fd, content[: select.PIPE_BUF])  # so much never blocks where it is taken at all


def claim() -> None:
    """Claim standard output for `result` alone: from here on code of others may run, and print."""
    if _results is not None:
        sys.stdout = sys.stderr


def keep_unsaid_in(directory: Path) -> None:
    """Keep the last lines there where standard output takes no more."""
    _unsaid.directory = directory


def _keep(*writers: Writer) -> None:
    """Keep what was said last where one of these could not write its last line."""
    fault = next((writer.fault for writer in writers if writer.is_lost), None)

    if fault is not None:
        _unsaid.keep(fault.strerror or str(fault))


def escaped(text: str, *, as_json: bool = False) -> str:
    """Return the text with all that would steer a terminal written out, in JSON as JSON writes it."""
    if text.isprintable():
        return text

    def written(sign: str) -> str:
        if not as_json:
            return ascii(sign)[1:-1]

        return "".join(f"\\u{part:04x}" for part in memoryview(sign.encode("utf-16", "surrogatepass")[2:]).cast("H"))

    return "".join(sign if sign.isprintable() or sign == "\n" else written(sign) for sign in text)


def result(text: str, *, may_be_lost: bool = False, as_json: bool = False) -> None:
    """Write a line that a person or a program has asked for: the only thing that standard output gets.

    Some of it is what others said: a venue, a plugin. Nothing of that reaches a terminal as an instruction.
    `may_be_lost`: it is not what the command is for, as the summary of a run, whose exit code says how it ended.
    """
    global _may_be_lost  # noqa: PLW0603  # as below: one process, one standard output
    _may_be_lost = may_be_lost
    text = escaped(text, as_json=as_json)

    if _results is None:
        click.echo(text)
    else:
        _results.put(f"{text}\n".encode("utf-8", "backslashreplace"))


def result_is_for_a_person() -> bool:
    """Return whether results go to a terminal, on which long lines are hard to read."""
    return _results is not None and os.isatty(_results.fd)


def is_reader_gone() -> bool:
    """Return whether nobody takes results any more: there is no use in going on with them."""
    return _results is not None and _results.fault is not None


def result_fault() -> OSError | None:
    """Wait for the results to be written: why they could not be. None where they were, or where the reader has gone."""
    if _results is None:
        return None

    _results.close(CLOSE_S if _may_be_lost else None)
    fault = _results.fault

    return None if fault is None or _may_be_lost or fault.errno == errno.EPIPE else fault


def _nowhere() -> TextIO:
    """Return a stream that nobody reads; one in memory where the process may open no more files."""
    try:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    except OSError:
        return io.StringIO()


def _open_standard() -> None:
    """Open the null device on standard descriptors that the process was started without, so that no file gets them."""
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)

            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)

        if getattr(sys, name) is None:
            stream = open(descriptor, "r" if name == "stdin" else "w", encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _are_real() -> bool:
    with suppress(OSError, ValueError):
        return (sys.stdout.fileno(), sys.stderr.fileno()) == (1, 2)

    return False


def _dropped(lines: int) -> bytes:
    return f"... {lines} lines were dropped, because nothing took them\n".encode()
