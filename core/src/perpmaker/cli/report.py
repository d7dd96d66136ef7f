"""`perpmaker report [WHAT]`: what happened in a run, in words, as a page for a browser, or as JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from perpmaker.cli.moment import Moment
from perpmaker.cli.output import claim, result
from perpmaker.cli.pace import Pace
from perpmaker.cli.screen import Screen, printable
from perpmaker.errors import ResultError

if TYPE_CHECKING:
    from perpmaker.backtest.result import Result  # not for --help
    from perpmaker.journal.reading import JournalReader  # the same

_SQLITE: Final = b"SQLite format 3\0"
_HEAD: Final = 4_096


@click.command()
@click.argument("what", required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.html", help="Write the page there.")
@click.option("--from", "from_ms", type=Moment(), metavar="T", help="Count from then on only (UTC).")
@click.option("--until", "until_ms", type=Moment(), metavar="T", help="Count up to then only (UTC).")
@click.option("--force", is_flag=True, help="Replace a file that is no report.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as one JSON object.")
def report(
    what: str | None, *, out: Path | None, from_ms: int | None, until_ms: int | None, force: bool, as_json: bool
) -> None:
    """Show what happened in the runs of a bot, or in a backtest: result, where it came from, fills, quotes.

    WHAT is a bot (`stem:market` of its configuration, either part, its file or account), a file of a journal, or a
    file of a result, as --json and backtests write it. Without it the bot that was written to last. Nothing is
    written but FILE.html, one page that needs nothing else and asks nobody for anything. A bot may run meanwhile.
    """
    from perpmaker.page.summary import labels, sentences  # noqa: PLC0415  # nothing is imported before it is needed

    claim()
    refuse_to_replace(out, force=force)
    found = _result(what, from_ms, until_ms)
    written = None if out is None else write_page(out, found)

    if as_json:
        result(found.as_json().decode(), as_json=True)
        return

    whose = found.whose
    lines = [f"{whose.environment} {whose.market.market} on {whose.connector} ({whose.name})", ""]
    lines += [f"! {label}" for label in labels(found)]
    lines += ["", *sentences(found)]
    from perpmaker.report.wrapping import wrapped  # noqa: PLC0415  # the same

    for line in lines:
        for part in wrapped("! " if line.startswith("! ") else "", line.removeprefix("! ")) if line else [""]:
            result(part)

    result("")

    for part in wrapped("", "--out FILE.html writes it as a page." if written is None else written):
        result(part)


def _result(what: str | None, from_ms: int | None, until_ms: int | None) -> Result:
    """The result that is meant."""
    from perpmaker.backtest.result import read_result  # noqa: PLC0415  # not for --help

    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        raise click.UsageError("--until is not later than --from")

    path = None if what is None else Path(what)

    if path is not None and path.is_file() and not _is_journal(path):
        if from_ms is not None or until_ms is not None:
            raise click.UsageError("--from and --until are for journals: a result was counted already")

        return read_result(path)

    return _of_journal(_reader(what), from_ms, until_ms)


def _reader(what: str | None) -> JournalReader:
    """The journal that is meant: a file, or that of a bot."""
    from perpmaker.cli.past_bots import find_bots, the_bot  # noqa: PLC0415  # not for --help
    from perpmaker.journal.parts import journal_of  # noqa: PLC0415  # the same
    from perpmaker.journal.reading import JournalReader  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # the same

    if what is not None and Path(what).is_file() and _is_journal(Path(what)):
        return JournalReader(journal_of(Path(what)))

    bots, notes = find_bots(open_state_dir(os.environ).root)

    for note in notes:
        click.echo(printable(f"warning: {note}"), err=True)

    return JournalReader(the_bot(bots, what).path)


def _of_journal(reader: JournalReader, from_ms: int | None, until_ms: int | None) -> Result:
    from perpmaker.backtest.from_journal import result_of_journal  # noqa: PLC0415  # not for --help
    from perpmaker.report.status import iso  # noqa: PLC0415  # the same

    screen = Screen()
    pace = Pace(screen, plain_s=None)

    def progress(utc_ms: int) -> None:
        if pace.is_due():
            screen.draw(f"reading, up to {iso(utc_ms)} (Ctrl-C stops)")

    try:
        return result_of_journal(reader, from_ms=from_ms, until_ms=until_ms, progress=progress)
    finally:
        screen.close()


def _is_journal(path: Path) -> bool:
    return _head(path).startswith(_SQLITE)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise ResultError(f"{path} cannot be read: {error.strerror or error}") from error


def refuse_to_replace(out: Path | None, *, force: bool) -> None:
    """Refuse a file that is there and is no report, and a folder that is not there, before anything is read."""
    from perpmaker.page.report_page import GENERATOR  # noqa: PLC0415  # not for --help

    _refuse_unless(out, f'content="{GENERATOR}"', "report", force=force)


def refuse_to_replace_by_result(out: Path | None, *, force: bool) -> None:
    """Refuse a file that is there and is no result, and a folder that is not there, before anything is read."""
    from perpmaker.backtest.result import FORMAT  # noqa: PLC0415  # not for --help

    _refuse_unless(out, f'"{FORMAT}"', "result", force=force)


def _refuse_unless(out: Path | None, sign: str, what: str, *, force: bool) -> None:
    """Refuse a file that is there without the sign of ours in its head."""
    if out is not None and not out.absolute().parent.is_dir():
        raise ResultError(f"{out} cannot be written: there is no folder {out.absolute().parent}")

    if out is None or not out.exists() or (force and not out.is_dir()):
        return

    if out.is_dir():
        raise ResultError(f"{out} is a folder: name a file in it")

    if not out.is_file() or sign.encode() not in _head(out):
        raise ResultError(f"{out} is there already and is no {what}: name another file, or say --force")


def write_page(out: Path, found: Result) -> str:
    """Write the page, whole or not at all; the line that says so."""
    from perpmaker.page.report_page import report_page  # noqa: PLC0415  # not for --help

    page = report_page(found).encode()
    unfinished = out.with_name(f"{out.name}.new")

    try:
        unfinished.write_bytes(page)
        unfinished.replace(out)
    except OSError as error:
        raise ResultError(f"{out} cannot be written: {error.strerror or error}") from error

    return f"written: {out} ({len(page) // 1000} KB). It opens in any browser, and asks nobody for anything."
