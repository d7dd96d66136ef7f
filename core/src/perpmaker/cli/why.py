"""`perpmaker why [NAME]`: for every level that is placed or withheld, the chain of reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable
from perpmaker.errors import AmbiguousBotError

if TYPE_CHECKING:
    from perpmaker.report.status import LevelStatus, Status  # not for --help

_PARTS = re.compile(r"(?i)(buy|bid|sell|ask)?[ _:-]*(\d+)?")
_SIDES = {"bid": "buy", "ask": "sell"}


@click.command()
@click.argument("name", required=False)
@click.option("--level", metavar="LEVEL", help='Only these: "buy 0", "sell", 0 (both sides), target, stop.')
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def why(name: str | None, *, level: str | None, as_json: bool) -> None:
    """Show why each level is quoted, or is not.

    The chain of reasons of each level of the ladder, and of each exit; the last reason of a chain decides. Level 0
    is the nearest to the market. NAME as for `perpmaker status`; of a bot that does not run any more, what it said last
    is shown.
    """
    from perpmaker.report.status import as_plain  # noqa: PLC0415  # not for --help
    from perpmaker.report.status_lists import why_page  # noqa: PLC0415  # the same

    claim()
    status = _status(name)
    levels = _chosen([*status.quotes, *status.withheld, *status.exits], level)

    if as_json:
        words = ("name", "running", "at", "mode", "mode_reason", "no_quotes")
        answer = {word: getattr(status, word) for word in words}
        result(json.dumps({**answer, "levels": as_plain(tuple(levels))}, indent=2), as_json=True)
        return

    if not status.running:
        click.echo(printable(_gone(status)), err=True)

    result("\n".join(why_page(status, levels)))


def _status(name: str | None) -> Status:
    """How the one bot stands that is meant, or what it said last."""
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help
    from perpmaker.control.names import listed, the_one  # noqa: PLC0415  # the same

    found = open_bots().statuses(name)

    if len(found) > 1 and any(one.running for one in found):
        raise AmbiguousBotError(f"Which bot? Name one of them, by its file or its process if need be:\n{listed(found)}")

    return found[0] if found else the_one(found, name)


def _gone(status: Status) -> str:
    """What is to be known of reasons that nobody stands behind any more."""
    killed = "" if status.ended is not None else ", and did not live to say how it ended"

    return f"{status.name} does not run{killed}: this is what it said at {status.at}"


def _chosen(levels: Sequence[LevelStatus], wanted: str | None) -> list[LevelStatus]:
    """The levels that are meant, in their order: bids, asks, exits."""
    if wanted is None:
        return _ordered(levels)

    meant = wanted.strip().lower()
    found = [level for level in levels if meant and _is_meant(level, meant)]

    if not found:
        known = ", ".join(dict.fromkeys(level.level for level in _ordered(levels))) or "none"
        raise click.BadParameter(f"{wanted!r} is no level of it. Its levels: {known}.", param_hint="--level")

    return _ordered(found)


def _ordered(levels: Sequence[LevelStatus]) -> list[LevelStatus]:
    """Bids, asks, exits, each as it was, the ladder from the market outward."""

    def place(level: LevelStatus) -> tuple[int, int]:
        side, _, number = level.level.partition(" ")

        return ("buy", "sell").index(side) if number.isdigit() else 2, int(number) if number.isdigit() else 0

    return sorted(levels, key=place)


def _is_meant(level: LevelStatus, wanted: str) -> bool:
    side, _, number = level.level.partition(" ")
    parts = _PARTS.fullmatch(wanted)

    if number.isdigit() and parts is not None and any(parts.groups()):
        named = parts[1] and _SIDES.get(parts[1], parts[1])
        return named in {None, side} and (parts[2] is None or int(parts[2]) == int(number))

    return not number.isdigit() and level.level.startswith(wanted)
