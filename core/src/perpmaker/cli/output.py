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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

from perpmaker.cli.output_writer import CLOSE_S, QueuedText, Writer
from perpmaker.cli.unsaid import Unsaid

SAY_S = 0.5
"""Seconds that what is said may take once the writers are closed."""

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
