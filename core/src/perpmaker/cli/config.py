"""`perpmaker config diff CONFIG` and `config apply CONFIG`: what a file would change of a running bot, and doing it."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from perpmaker.cli.bot_choice import agreed
from perpmaker.cli.installation import open_catalog
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable
from perpmaker.config.changes import When
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.config.recorded import recorded
from perpmaker.control.card import Card, read_cards
from perpmaker.control.client import ask
from perpmaker.control.names import matching, the_one
from perpmaker.errors import BotRefusedError, ExitCode, UnknownBotError
from perpmaker.journal.state_dir import StateDir, open_state_dir

_WIDTH = 80
_WITHIN_S = 12.0
"""Seconds for an answer: the bot asks its venue for the account before it gives one."""

_ALIVE_S = 2.0
"""Seconds after which a bot that does not even say how it stands is said to hang."""


@click.group()
def config() -> None:
    """Compare a configuration with what a bot goes by, and change that while it runs."""


@config.command()
@click.argument("file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--name", help="The bot that is meant, where it was not started with this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(file: Path, overrides: tuple[str, ...], name: str | None, *, as_json: bool) -> None:
    """Show what CONFIG would change of the running bot.

    Key by key: counts at once, at the next refresh, or needs a restart; then what it comes to. Nothing is changed. Exit
    code 8 where something differs.
    """
    claim()
    home, configuration = open_state_dir(os.environ), load_configuration(file, overrides, open_catalog())
    card = _running(home, configuration, name)
    ask(home, card, "status", _ALIVE_S)
    answer = _asked(home, card, configuration, "parameters")
    _show(card, answer, as_json=as_json)

    if answer["changes"]:
        raise click.exceptions.Exit(ExitCode.DIFFERS.value)


@config.command()
@click.argument("file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--name", help="The bot that is meant, where it was not started with this file.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--let-stop-fire", is_flag=True, help="With --yes, also where a stop would fire at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def apply(
    file: Path, overrides: tuple[str, ...], name: str | None, *, yes: bool, let_stop_fire: bool, as_json: bool
) -> None:
    """Change the parameters of the running bot to those of CONFIG, all of them or none.

    What differs is shown first, and it is asked for. Keys that need a restart are refused, and so is what `perpmaker
    check` refuses.
    """
    claim()
    home, configuration = open_state_dir(os.environ), load_configuration(file, overrides, open_catalog())
    card = _running(home, configuration, name)
    ask(home, card, "status", _ALIVE_S)
    answer = _asked(home, card, configuration, "parameters")

    if not as_json:
        _show(card, answer, as_json=False)

    _refuse_restarts(answer, as_json=as_json)

    if not answer["changes"]:
        _say_applied(card, answer, as_json=as_json)
        return

    if not agreed(f"Change {card.name}?", yes=yes):
        raise click.exceptions.Exit(ExitCode.INTERRUPTED.value)

    fires = let_stop_fire or (bool(answer["fires"]) and not yes)  # who was asked has read it
    _say_applied(card, _asked(home, card, configuration, "apply", fires=fires), as_json=as_json)


def _running(home: StateDir, configuration: Configuration, name: str | None) -> Card:
    """The bot that runs with this file, or the one of that name."""
    cards = read_cards(home)

    if name is not None:
        return the_one(matching(cards, name), name)

    file = configuration.file.absolute().resolve()
    meant = [card for card in cards if card.file == str(file)]
    meant = [card for card in meant if card.market == configuration.run.market] or meant

    if not meant:
        others = f" Running: {', '.join(card.name for card in cards)}; --name says which." if cards else ""
        raise UnknownBotError(f"No bot runs with {configuration.file}: it reads the file when it is started.{others}")

    return the_one(meant, None)


def _asked(home: StateDir, card: Card, configuration: Configuration, command: str, **more: object) -> dict[str, Any]:
    return ask(home, card, command, _WITHIN_S, **recorded(configuration), **more)


def _refuse_restarts(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Raise BotRefusedError for what cannot be changed while it runs, before anybody is asked."""
    keys = [change["key"] for change in answer["changes"] if change["when"] == When.AT_START.value]
    words = [f"{key} needs a restart" for key in keys] + list(answer["refusals"])

    if not words:
        return

    if as_json:
        result(json.dumps({**answer, "applied": False}, indent=2), as_json=True)
        raise click.exceptions.Exit(ExitCode.REFUSED.value)

    raise BotRefusedError(f"Nothing was changed: {'; '.join(words)}.", ExitCode.REFUSED)


def _show(card: Card, answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        result(json.dumps({"name": card.name, **answer}, indent=2), as_json=True)
        return

    for line in _lines(card, answer):
        result(printable(line))


def _lines(card: Card, answer: Mapping[str, Any]) -> Iterator[str]:
    if not answer["changes"]:
        yield f"{card.name}: nothing differs"
        return

    count = len(answer["changes"])
    yield f"{card.name}: {count} {'key differs' if count == 1 else 'keys differ'}"

    for change in answer["changes"]:
        values = "(not shown)" if change["before"] is None else f"{change['before']} -> {change['after']}"
        yield from _wrapped(f"{change['key']}: {values}, {change['when']}", "  ")

    for heading, key in (("Then:", "effects"), ("Refused:", "refusals"), ("At once:", "fires")):
        if answer[key]:
            yield heading

        for words in answer[key]:
            yield from _wrapped(words, "  ")


def _say_applied(card: Card, answer: Mapping[str, Any], *, as_json: bool) -> None:
    is_applied = answer.get("applied") is True

    if as_json:
        result(json.dumps({"name": card.name, **answer, "applied": is_applied}, indent=2), as_json=True)
    elif is_applied:
        result(f"{card.name}: changed. It is in its journal; the file is read again at the next start.")


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )
