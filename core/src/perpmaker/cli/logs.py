"""`perpmaker logs [NAME]`: what a bot has logged, for people or for programs, and what it logs from now on."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any, Final

import attrs
import click

from perpmaker.cli.output import claim, is_reader_gone, result, result_is_for_a_person
from perpmaker.control.names import the_one
from perpmaker.errors import UnknownBotError
from perpmaker.journal.state_dir import state_root

WIDTH: Final = 80
POLL_S: Final = 0.25
"""Seconds between two looks at a file that is followed."""

_INDENT: Final = " " * 10
_BEGINS: Final = b'"kind": "log"'


@attrs.frozen(kw_only=True)
class BotLog:
    """The log of a bot, as its newest file tells: `pid` and `file` are those of the process that wrote last."""

    path: Path
    name: str
    environment: str
    market: str
    file: str
    pid: int


@click.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is logged, until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="The last ones; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are in the file: one JSON object each.")
def logs(name: str | None, *, follow: bool, lines: int, as_json: bool) -> None:
    """Show what a bot has logged, and follow it.

    NAME is its name, its file or its market, and may be left out where there is one bot.
    """
    claim()
    directory = state_root(os.environ) / "log"
    log = the_one(sorted(known_logs(directory), key=lambda one: one.name), name, "logged")

    try:
        for line in last_lines(log.path, lines):
            _show(line, as_json=as_json)

        if follow:
            for line in followed(log.path):
                _show(line, as_json=as_json)

                if is_reader_gone():
                    return
    except KeyboardInterrupt:
        return
    except OSError as error:
        raise UnknownBotError(f"{log.path} cannot be read: {error.strerror}") from None


def known_logs(directory: Path) -> Iterator[BotLog]:
    """Yield the log of each bot that has one. A file that is none is left out."""
    for path in directory.glob("*.jsonl"):
        with suppress(OSError):
            content = path.read_bytes()
            log = _log_of(path, content)

            if log is not None:
                yield log


def _log_of(path: Path, content: bytes) -> BotLog | None:
    """Whose log it is, by the line with which its last process, or its newest file, began."""
    at = content.rfind(_BEGINS)
    begin, end = content.rfind(b"\n", 0, max(at, 0)) + 1, content.find(b"\n", max(at, 0))
    values = parsed(content[begin : end if end >= 0 else None])

    if values is None:
        return None

    process = values.get("process")

    return BotLog(
        path=path,
        name=str(values.get("bot", path.stem)),
        environment=str(values.get("environment", "")),
        market=str(values.get("market", "")),
        file=str(values.get("file", "")),
        pid=process if isinstance(process, int) else 0,
    )


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return a line of a log. None for one that was cut off, or is something else."""
    try:
        values = json.loads(line)
    except ValueError:
        return None

    return values if isinstance(values, dict) else None


def last_lines(path: Path, count: int) -> Sequence[bytes]:
    """Return the last lines of a log, over the files that were put aside; all of them for 0. Oldest first."""
    found: list[bytes] = []

    for file in (path, *_older(path)):
        found[:0] = file.read_bytes().splitlines()

        if count and len(found) >= count:
            break

    return found[-count:] if count else found


def _older(path: Path) -> Iterator[Path]:
    """The files that were put aside, the newest first."""
    number = 1

    while (older := path.with_name(f"{path.name}.{number}")).is_file():
        yield older
        number += 1


def followed(path: Path) -> Iterator[bytes]:
    """Yield what is written from now on, for ever; a file that takes the place of the first is gone on with."""
    file = path.open("rb")
    file.seek(0, os.SEEK_END)
    rest = b""

    try:
        while True:
            read = file.read()
            *whole, rest = (rest + read).split(b"\n")
            yield from whole

            if read:
                continue

            with suppress(FileNotFoundError):  # it is being put aside in this moment
                if path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    newer = path.open("rb")
                    file.close()
                    file, rest = newer, b""
                    continue

            sleep(POLL_S)
    finally:
        file.close()


def _show(line: bytes, *, as_json: bool) -> None:
    if not line.strip():
        return

    if as_json:
        result(line.decode(errors="replace"), as_json=True)
        return

    for words in worded(line, wraps=result_is_for_a_person()):
        result(words)


def worded(line: bytes, *, wraps: bool) -> Iterable[str]:
    """Return a line of a log for a person, in 80 columns where it is wrapped."""
    values = parsed(line)

    if values is None:
        return (f"(not readable) {line.decode(errors='replace')}",)

    at = str(values.get("at", "")).replace("T", " ")
    level = str(values.get("level", "info"))
    mark = "" if level == "info" else f"{level.upper()} "
    repeated = values.get("repeated")
    often = f" (and {repeated} more like it before)" if repeated else ""
    text = f"{at[:19]}Z {mark}{values.get('text', '')}{often}"

    return textwrap.wrap(text, WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False) if wraps else (text,)
