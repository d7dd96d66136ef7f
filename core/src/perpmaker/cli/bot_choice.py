"""Which bot a command from a second shell means, and with which configuration it is reached."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click

from perpmaker.cli.guard import check_surroundings
from perpmaker.cli.references import check_references
from perpmaker.cli.screen import printable
from perpmaker.cli.venue import attach, context_of, wants_sandbox
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.config.recorded import read_recorded
from perpmaker.connector.interface import ConnectorContext
from perpmaker.control.names import bot_name, matching, the_one
from perpmaker.control.process import holder_of
from perpmaker.errors import ConfigurationError, UnknownBotError
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.known_bots import KnownBot, known_bots, lock_files
from perpmaker.plugins.catalog import Catalog

_OBSERVERS = "observers."


def chosen_bots(home: StateDir, words: str | None, catalog: Catalog, *, every: bool) -> list[KnownBot]:
    """Return the bots that are meant: every one that runs, or the one of that name, file, market or process.

    UnknownBotError where there is none, AmbiguousBotError where there are several.
    """
    bots = known_bots(home)
    running = [bot for bot in bots if bot.pid]

    if every:
        if not running:
            raise UnknownBotError("No bot runs here.")

        return running

    if words is None:
        return [the_one(running or bots, None, "running" if running else "known")]

    meant = matching(bots, words)
    alive = [bot for bot in meant if bot.pid]

    if not meant and Path(words).is_file():
        return [_of_file(home, Path(words), catalog)]

    return [the_one(alive or bots, None if len(alive) == 1 else words, "known")]


def with_others(home: StateDir, bots: Sequence[KnownBot]) -> list[KnownBot]:
    """Return the bots, and every other one that runs in one of their processes: that ends for all of them."""
    processes, names = {bot.pid for bot in bots if bot.pid}, {(bot.name, bot.pid) for bot in bots}
    others = [bot for bot in known_bots(home) if bot.pid in processes and (bot.name, bot.pid) not in names]

    return [*bots, *others]


def _of_file(home: StateDir, file: Path, catalog: Catalog) -> KnownBot:
    """A bot of which nothing but its file is known, and the process that holds a lock of its market, if any does."""
    configuration = load_configuration(file, (), catalog)
    venue, market = configuration.connector.name, configuration.run.market
    held = {path: holder for path in lock_files(home, venue, market) if (holder := holder_of(path)) is not None}
    only = next(iter(held.items())) if len(held) == 1 else None

    return KnownBot(
        name=bot_name(file, market),
        file=str(file.absolute()),
        environment=configuration.environment.value,
        venue=venue,
        market=market,
        pid=0 if only is None else only[1].pid,
        lock=None if only is None else only[0],
    )


def configuration_of(bot: KnownBot, catalog: Catalog) -> Configuration:
    """Return what a bot was started with: as its journal has it, else as its file says now.

    ConfigurationError where neither can be read, or a reference leads to no key.
    """
    configuration = _read(bot, catalog)
    check_surroundings(configuration.environment, os.environ)

    try:
        check_references(configuration)
    except ConfigurationError as error:
        problems = tuple(one for one in error.problems if not one.key.startswith(_OBSERVERS))

        if problems:
            raise ConfigurationError(problems) from None

    return configuration


def _read(bot: KnownBot, catalog: Catalog) -> Configuration:
    if bot.configuration:
        try:
            return read_recorded(bot.configuration, bot.file, catalog)
        except ConfigurationError:
            if not Path(bot.file).is_file():
                raise

    return load_configuration(Path(bot.file), (), catalog)


@asynccontextmanager
async def reached(bot: KnownBot, configuration: Configuration, url: str | None) -> AsyncIterator[ConnectorContext]:
    """What a bot's connector is opened with. UsageError for one in a sandbox of which nobody knows where it serves."""
    at = url or bot.sandbox_url

    if not wants_sandbox(configuration, url):
        yield context_of(configuration, None)
        return

    if at is None:
        raise click.UsageError(f"{bot.name} trades on a sandbox: say with --sandbox-url where it serves")

    yield context_of(configuration, await attach(at))


def agreed(question: str, *, yes: bool) -> bool:
    """Return whether a person agrees. UsageError where there is no terminal to ask on, and --yes was not given."""
    if yes:
        return True

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("there is no terminal to ask on: add --yes to agree")

    click.echo(f"{printable(question)} [y/N] ", err=True, nl=False)

    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def names_of(bots: Sequence[KnownBot]) -> str:
    """Return bots as a sentence has them."""
    return ", ".join(f"{bot.name} ({bot.environment}{f', process {bot.pid}' if bot.pid else ''})" for bot in bots)
