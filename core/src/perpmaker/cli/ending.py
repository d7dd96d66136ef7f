"""`stop` and `flatten`: ask running bots to end, wait until they have, and say what each has left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from time import monotonic, sleep

import attrs
import click

from perpmaker.cli.bots import Bots
from perpmaker.cli.output import result
from perpmaker.cli.screen import printable
from perpmaker.control.card import Card, is_running
from perpmaker.control.client import ask
from perpmaker.control.last_words import read_last_words
from perpmaker.errors import BotRefusedError, BotUnansweredError, ExitCode
from perpmaker.report.status import EndStatus

ASK_S = 10.0
"""Seconds that a bot is given to take in that it is to end."""

POLL_S = 0.1
"""Seconds between two looks at whether a bot still runs."""

_WORST = (5, 7, 1, 6, 4, 3, 2, 130)
"""Exit codes, the one first that a person should look at first."""


@attrs.define
class Ending:
    """The end of one bot. `error` is why it was not asked, or has not ended in time; `ended` its last word."""

    card: Card
    error: str | None = None
    code: int = ExitCode.OK.value
    ended: EndStatus | None = None

    def as_json(self) -> dict[str, object]:
        """Return what programs are told."""
        ended = self.ended

        return {
            "name": self.card.name,
            "pid": self.card.pid,
            "ended": ended is not None,
            "exit_code": self.code,
            "left": None if ended is None else ended.left,
            "unproven": None if ended is None else ended.unproven,
            "error": self.error,
        }


def end_bots(bots: Bots, cards: Sequence[Card], command: str, *, wait_s: float, hurry: bool, as_json: bool) -> None:
    """End these bots beside each other, and say how each has ended. The exit code is the gravest of theirs."""
    endings = [_begin(bots, card, command, hurry=hurry) for card in cards]

    if not cards:
        click.echo("no bot runs", err=True)

    if not as_json:
        for one in endings:
            click.echo(printable(one.error or f"{one.card.name} (pid {one.card.pid}) is asked to {command}"), err=True)

    if wait_s:
        _wait(bots, [one for one in endings if one.error is None], command, wait_s, as_json=as_json)

    if as_json:
        result(json.dumps([one.as_json() for one in endings], indent=2), as_json=True)

    if code := worst(one.code for one in endings):
        raise click.exceptions.Exit(code)


def worst(codes: Iterable[int]) -> int:
    """Return the exit code that tells most of several: what is not proven clean goes first."""
    found = {code for code in codes if code}

    return next((code for code in _WORST if code in found), max(found, default=0))


def _begin(bots: Bots, card: Card, command: str, *, hurry: bool) -> Ending:
    """Ask one bot to end."""
    try:
        ask(bots.home, card, command, ASK_S, pid=os.getpid(), hurry=hurry)
    except BotUnansweredError as error:
        if is_running(bots.home, card):
            return Ending(card, str(error), ExitCode.NOT_PROVEN_CLEAN.value)
    except BotRefusedError as error:
        return Ending(card, f"{card.name} (pid {card.pid}): {error}", error.exit_code.value)

    return Ending(card)


def _wait(bots: Bots, endings: Sequence[Ending], command: str, wait_s: float, *, as_json: bool) -> None:
    """Wait for bots to end, each told of when it has."""
    until = monotonic() + wait_s
    left = list(endings)

    while left:
        for one in [one for one in left if not is_running(bots.home, one.card)]:
            left.remove(one)
            _take_last_word(bots, one)

            if not as_json:
                result(_end_words(one))

        if left and monotonic() >= until:
            break

        sleep(POLL_S if left else 0)

    for one in left:
        one.code = ExitCode.NOT_PROVEN_CLEAN.value
        name = one.card.name
        one.error = (
            f"{name} (pid {one.card.pid}) has not ended within {wait_s:g} s of {command}: perpmaker panic {name}"
        )

        if not as_json:
            click.echo(printable(one.error), err=True)


def _take_last_word(bots: Bots, one: Ending) -> None:
    """Take in how a bot has ended; one without a last word is not proven clean."""
    mine = (last for last in read_last_words(bots.home) if (last.file, last.pid) == (one.card.file, one.card.pid))
    last = next((last for last in mine if last.market == one.card.market), None)
    one.ended = None if last is None else last.ended
    one.code = ExitCode.NOT_PROVEN_CLEAN.value if one.ended is None else one.ended.exit_code


def _end_words(one: Ending) -> str:
    if one.ended is None:
        return f"{one.card.name} has ended without a last word: look at the venue"

    unproven = "" if one.ended.unproven is None else f"; NOT PROVEN: {one.ended.unproven}"

    return f"{one.card.name} has ended, exit code {one.code}; left on the venue: {one.ended.left}{unproven}"
