"""`perpmaker status [NAME]`: how bots stand, while they run and afterwards; `--funding-rate` for what funding costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import click

from perpmaker.cli.output import claim, is_reader_gone, result
from perpmaker.cli.screen import Screen, printable
from perpmaker.errors import PerpmakerError, UnknownBotError

if TYPE_CHECKING:
    from perpmaker.report.status import Status  # not for --help

_FUNDING = ("name", "market", "at", "mark", "positions", "funding")

WATCH_S = 2.0
"""Seconds between two looks of `--watch`."""


@click.command()
@click.argument("name", required=False)
@click.option("--funding-rate", "--funding_rate", "funding", is_flag=True, help="Only funding, and what it costs.")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@click.option("--sandbox-url", metavar="URL", help="Where no bot runs: ask the sandbox that is serving there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object, a list of several bots, a line a look.")
def status(name: str | None, *, funding: bool, watch: bool, sandbox_url: str | None, as_json: bool) -> None:
    """Show how bots stand: position, quotes, money, margin, funding.

    Each level with its reason, and each exit. NAME is a bot (its file's stem, its market, both as `stem:market`, or its
    process) or a configuration file. Without it, all bots that run. Where the bot of NAME does not run, its last words
    are shown with what the venue says now.
    """
    claim()
    show = partial(_show, name, sandbox_url, funding=funding, as_json=as_json)

    if watch:
        _watch(show, as_json=as_json)
    else:
        result("\n".join(show(indent=2)), as_json=as_json)


def _watch(show: Callable[[], Sequence[str]], *, as_json: bool) -> None:
    """Show it again and again: in place on a terminal, else one after the other."""
    screen = Screen()

    try:
        while not is_reader_gone():
            lines = show()

            if as_json or not screen.takes_pages:
                result("\n".join(lines if as_json else [*lines, ""]), as_json=as_json)
            else:
                screen.draw_page(lines)

            sleep(WATCH_S)
    finally:
        screen.close(leave=True)


def _show(name: str | None, url: str | None, *, funding: bool, as_json: bool, indent: int | None = None) -> list[str]:
    """The lines of one look."""
    return [_as_json(name, url, funding=funding, indent=indent)] if as_json else [*_pages(name, url, funding=funding)]


def _statuses(name: str | None, url: str | None) -> Sequence[Status]:
    """How the bots that are meant stand, one that does not run as the venue tells it."""
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help

    bots = open_bots()

    try:
        found = bots.statuses(name)
    except UnknownBotError:
        if name is None or not Path(name).is_file():
            raise

        return [_from_venue(Path(name), None, url)]

    return [one if one.running or name is None else _as_far_as_told(one, url) for one in found]


def _as_far_as_told(last: Status, url: str | None) -> Status:
    """The last words of a bot that is gone, with what the venue says now where it can be asked."""
    if last.environment not in {"testnet", "live"} and url is None:
        return last  # its account was simulated, and has ended with it

    try:
        return _from_venue(Path(last.file), last, url)
    except PerpmakerError as error:
        click.echo(printable(f"only the last words of {last.name} can be shown: {error}"), err=True)
        return last


def _from_venue(file: Path, last: Status | None, url: str | None) -> Status:
    """The status that a configuration and its venue come to."""
    from perpmaker.cli.installation import open_catalog  # noqa: PLC0415  # not for --help
    from perpmaker.cli.venue_reading import read_venue, status_of_reading  # noqa: PLC0415  # the same
    from perpmaker.config.loading import load_configuration  # noqa: PLC0415  # the same
    from perpmaker.control.names import bot_name  # noqa: PLC0415  # the same

    configuration = load_configuration(file, (), open_catalog())
    environment, market = configuration.environment.value, configuration.run.market

    if environment == "sandbox" and url is None:
        raise UnknownBotError(
            f"No bot trades {file}, and its account is that of a sandbox, which ends with its bot: start one, or name "
            "a sandbox that serves with --sandbox-url"
        )

    found = read_venue(configuration, url)

    return status_of_reading(
        found,
        name=bot_name(file, market),
        environment=environment,
        venue=configuration.connector.name,
        exits=configuration.exits,
        file=str(file),
        last=last,
    )


def _as_json(name: str | None, url: str | None, *, funding: bool, indent: int | None) -> str:
    from perpmaker.report.status import as_plain  # noqa: PLC0415  # not for --help

    found = [as_plain(one, _FUNDING if funding else None) for one in _statuses(name, url)]

    return json.dumps(found[0] if len(found) == 1 else found, indent=indent)


def _pages(name: str | None, url: str | None, *, funding: bool) -> Iterator[str]:
    """The lines for a person."""
    from perpmaker.report.status_lists import funding_page, table  # noqa: PLC0415  # not for --help
    from perpmaker.report.status_page import status_page  # noqa: PLC0415  # the same

    found = _statuses(name, url)

    if not found:
        yield "No bot runs, and none has run here. Start one: perpmaker run CONFIG"
    elif funding:
        for one in found:
            yield from funding_page(one)
    elif len(found) == 1:
        yield from status_page(found[0])
    else:
        yield from table(found)
