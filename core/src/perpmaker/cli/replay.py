"""`perpmaker replay JOURNAL`: run what a bot was given through the same code, and compare what it decides."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perpmaker.cli.installation import open_catalog
from perpmaker.cli.output import claim, result
from perpmaker.cli.pace import Pace
from perpmaker.cli.screen import Screen, printable
from perpmaker.errors import ExitCode, JournalError

if TYPE_CHECKING:
    from perpmaker.journal.reading import JournalReader  # not for --help
    from perpmaker.replay.outcome import Outcome  # the same

SHOWN = 10
"""Journals that are named where none is meant."""


@click.command()
@click.argument("journal")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the configuration.")
@click.option("--run", metavar="RUN", help="Replay this run only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay(journal: str, overrides: tuple[str, ...], *, run: str | None, as_json: bool) -> None:
    """Decide again what a bot has decided, and show the first decision that differs.

    JOURNAL is a file of a journal, or a part of the name of a bot, an account or a market: then the newest journal in
    the state directory is taken that has it. What the bot was given goes
    through the same code, with the configuration that it had; --set lays other values over it. Nothing is connected,
    sent or written. Exit code 0 where no decision differs, 8 where one does.
    """
    from perpmaker.replay.wording import as_json as shown_as_json  # noqa: PLC0415  # not for --help
    from perpmaker.replay.wording import page  # noqa: PLC0415  # the same

    claim()
    reader = _reader(journal)
    outcome = _replayed(reader, overrides, run)

    for unread in outcome.unread:
        click.echo(printable(f"warning: {unread}"), err=True)

    if as_json:
        result(json.dumps(shown_as_json(outcome, str(reader.path)), indent=2), as_json=True)
    else:
        result("\n".join([f"journal   {reader.path}", *page(outcome), *_verdict(outcome)]))

    _refuse(outcome, run)

    if outcome.difference is not None:
        raise click.exceptions.Exit(ExitCode.DIFFERS.value)


def _replayed(reader: JournalReader, overrides: tuple[str, ...], run: str | None) -> Outcome:
    """Replay it, and show how far it is."""
    from perpmaker.arithmetic import own_arithmetic  # noqa: PLC0415  # not for --help
    from perpmaker.replay.recorded_plans import RecordedPlans  # noqa: PLC0415  # the same
    from perpmaker.replay.replay import Replay  # noqa: PLC0415  # the same
    from perpmaker.replay.wording import iso  # noqa: PLC0415  # the same
    from perpmaker.watchdog import Watchdog  # noqa: PLC0415  # the same

    screen = Screen()
    pace = Pace(screen, plain_s=None)

    def progress(utc_ms: int) -> None:
        if pace.is_due():
            screen.draw(f"replaying, up to {iso(utc_ms)} (Ctrl-C stops)")

    plans = RecordedPlans(open_catalog(), overrides)

    try:
        with own_arithmetic(), Watchdog(screen.tell):
            return Replay(reader=reader, plans=plans, only=run, progress=progress).run()
    finally:
        screen.close()


def _reader(journal: str) -> JournalReader:
    """Find the journal that is meant: a file, or in the state directory the newest one of that name."""
    from perpmaker.journal.parts import journal_of  # noqa: PLC0415  # not for --help
    from perpmaker.journal.reading import JournalReader, find_journals  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import state_root  # noqa: PLC0415  # the same

    path = Path(journal)

    if path.is_file():
        return JournalReader(journal_of(path))

    root = state_root(os.environ)
    known = {one.path: f"{_bot_of(one.path)} {one.path.name} {one.key or ''}" for one in find_journals(root).journals}
    found = sorted((path for path, words in known.items() if journal in words), key=_written)

    if not found:
        names = "".join(f"\n  {words.split()[0]}  {path}" for path, words in list(known.items())[-SHOWN:])
        where = f". There are:{names}" if names else f"; there is none in {root}"
        raise JournalError(f"{journal} is no file, and in the name of no journal{where}")

    if len(found) > 1:
        others = len(found) - 1
        click.echo(f"the newest of {len(found)} of that name (name one of the other {others} by its file)", err=True)

    return JournalReader(found[-1])


def _bot_of(path: Path) -> str:
    """What `status` calls the bot: its file and its market, by the newest run."""
    from perpmaker.config.recorded import FILE  # noqa: PLC0415  # not for --help
    from perpmaker.journal.reading import JournalReader  # noqa: PLC0415  # the same

    reader = JournalReader(path, proves=False)
    runs, key = reader.runs(), reader.key()
    file = runs[-1].about.get(FILE) if runs else None

    return f"{Path(file).stem}:{key.market}" if isinstance(file, str) and key is not None else "-"


def _written(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _verdict(outcome: Outcome) -> list[str]:
    if outcome.difference is not None:
        return []

    decisions = sum(part.decisions for part in outcome.runs)

    return ["", f"{decisions:,} decisions compared: none differs"] if decisions else []


def _refuse(outcome: Outcome, run: str | None) -> None:
    """Raise JournalError where nothing at all could be compared."""
    if any(part.batches for part in outcome.runs):
        return

    which = "no run" if run is None else f"no run {run}"
    why = "; ".join(f"{part.run}: {part.remark}" for part in outcome.runs if part.remark)

    raise JournalError(f"nothing could be compared: {why}" if why else f"{which} is in this journal")
