"""`perpmaker panic [NAME]`: ends a bot that does not answer, and leaves nothing of it on the venue but protection."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from time import monotonic

import anyio
import attrs
import click

from perpmaker.cli.bot_choice import agreed, chosen_bots, configuration_of, names_of, reached, with_others
from perpmaker.cli.event_loop import run_async
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import Screen
from perpmaker.config.configuration import Configuration
from perpmaker.connector.interface import Environment
from perpmaker.control.process import end_holder
from perpmaker.errors import ConfigurationError, ExitCode, JournalError, LockedError, PerpmakerError
from perpmaker.foreign_code import said
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.known_bots import KnownBot
from perpmaker.launch.panic import Cleared, clear_market
from perpmaker.launch.traceback_file import Tracebacks
from perpmaker.plugins.catalog import Catalog

_WIDTH = 80
_BESIDE = 4
"""Markets that are cleared beside each other: each has request limits of its own, and the venue one for all."""

_GONE = Cleared(unproven=None, quotes=0)


@attrs.define(kw_only=True)
class _Case:
    """A bot that is to be ended: what it was started with, and what has come of it."""

    bot: KnownBot
    configuration: Configuration | None
    ended_at: float = 0.0
    cleared: Cleared | None = None


@click.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every bot that runs here.")
@click.option("--close", is_flag=True, help="Close the positions as well, at the market.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--sandbox-url", metavar="URL", help="Where the sandbox of the bot serves, if it does not say itself.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def panic(name: str | None, *, every: bool, close: bool, yes: bool, sandbox_url: str | None, as_json: bool) -> None:
    """End a bot that hangs, and take its quotes off the venue.

    NAME is a bot's name, market, file or process. Its process is asked to end, then killed; its quotes are cancelled
    until two readings show none, each position keeps or gets its stop, and the venue's own timer is disarmed. Positions
    are closed with --close only. It needs the bot's answer to nothing. Exit code 5 where something is not proven.
    """
    claim()

    if every == (name is not None):
        raise (
            click.UsageError("name one bot, or say --all")
            if every
            else click.UsageError("name the bot, or say --all: `perpmaker status` lists them")
        )

    catalog, home, screen = open_catalog(), open_state_dir(os.environ), Screen()
    bots = with_others(home, chosen_bots(home, name, catalog, every=every))
    cases = _cases(bots, catalog, every=every)
    what = (
        "takes its quotes off, and closes its positions"
        if close
        else "takes its quotes off; positions stay, with a stop"
    )

    if not agreed(f"panic ends {names_of(bots)}, {what}. Do it?", yes=yes):
        raise click.exceptions.Exit(ExitCode.INTERRUPTED.value)

    with ExitStack() as locks:
        for case in cases:
            if case.cleared is None:
                _end(case, home, screen, locks)

        with watched(screen.tell):
            run_async(_clear_all, cases, home, screen, close, sandbox_url)

    _show(cases, close=close, as_json=as_json)

    if any(case.cleared is None or case.cleared.unproven for case in cases):
        raise click.exceptions.Exit(ExitCode.NOT_PROVEN_CLEAN.value)


def _cases(bots: Sequence[KnownBot], catalog: Catalog, *, every: bool) -> list[_Case]:
    """What each bot was started with. Of `every` bot, one that cannot be read keeps no other from being ended.

    ConfigurationError where one bot alone is meant: without its keys nothing of it could be taken off.
    """
    cases = []

    for bot in bots:
        try:
            cases.append(_Case(bot=bot, configuration=configuration_of(bot, catalog)))
        except ConfigurationError as error:
            if not every:
                raise

            words = f"nothing of it was ended, as what it trades with cannot be read: {_one_line(error)}"
            cases.append(_Case(bot=bot, configuration=None, cleared=Cleared(unproven=words)))

    unread = {case.bot.pid for case in cases if case.configuration is None and case.bot.pid}

    for case in cases:
        if case.cleared is None and case.bot.pid in unread:
            words = f"nothing of it was ended: process {case.bot.pid} trades another market too, which cannot be read"
            case.cleared = Cleared(unproven=words)

    return cases


def _one_line(error: Exception) -> str:
    return "; ".join(str(error).splitlines())


def _end(case: _Case, home: StateDir, screen: Screen, locks: ExitStack) -> None:
    """End the process, where one holds the lock, and hold that: nothing starts the bot again before it is cleared.

    What cannot be ended is said in the verdict.
    """
    bot = case.bot

    try:
        if bot.lock is not None and not end_holder(bot.lock, lambda line: screen.tell(f"{bot.name}: {line}")):
            words = f"process {bot.pid} cannot be ended: it waits in the system; nothing was cancelled, as it may go on"
            case.cleared = Cleared(unproven=words)
        elif bot.lock is None and bot.pid:
            case.cleared = Cleared(
                unproven=f"process {bot.pid} holds no lock that is known: end it yourself, then again"
            )
        elif (lock := bot.lock or (None if bot.key is None else home.lock_path(bot.key))) is not None:
            locks.enter_context(home.keep_lock(lock, bot.name))
    except LockedError as error:
        case.cleared = Cleared(unproven=str(error))

    case.ended_at = monotonic()


async def _clear_all(
    cases: Sequence[_Case],
    home: StateDir,
    screen: Screen,
    close: bool,
    url: str | None,  # run_async takes no names
) -> None:
    """Clear the markets, some beside each other: a venue that hangs for one leaves no quotes of another on the book."""
    limiter = anyio.CapacityLimiter(_BESIDE)

    async with anyio.create_task_group() as group:
        for case in cases:
            if case.cleared is not None or case.configuration is None:
                continue

            if case.configuration.environment is Environment.PAPER or (case.bot.has_own_sandbox and url is None):
                screen.tell(f"{case.bot.name}: its account was simulated, and ended with it")
                case.cleared = _GONE
                continue

            clear = partial(_clear, case, case.configuration, home, screen, close=close, url=url)
            group.start_soon(_clear_one, case, clear, limiter)


async def _clear_one(case: _Case, clear: Callable[[], Awaitable[Cleared]], limiter: anyio.CapacityLimiter) -> None:
    """Clear a market; what fails is its verdict, and keeps no other back."""
    async with limiter:
        try:
            case.cleared = await clear()
        except (PerpmakerError, click.ClickException) as error:  # the latter: a sandbox that nobody knows the place of
            case.cleared = Cleared(unproven=str(error))
        except Exception as error:  # noqa: BLE001  # every process has been ended: each market is still to be cleared
            case.cleared = Cleared(unproven=said(error))


async def _clear(
    case: _Case, configuration: Configuration, home: StateDir, screen: Screen, *, close: bool, url: str | None
) -> Cleared:
    tell = partial(_tell, screen, case.bot.name)

    async with reached(case.bot, configuration, url) as context:
        clear = partial(
            clear_market,
            plan_of(configuration),
            context,
            tell=tell,
            report=Tracebacks(home.root, tell).keep,
            close=close,
            ended_at=context.clock.now() - (monotonic() - case.ended_at),
        )

        try:
            return await clear(home=home)
        except JournalError as error:  # a full disk is no reason to leave quotes on the venue
            tell(f"{error}. It is done without a journal: what is on the venue counts")
            return await clear(home=None)


def _tell(screen: Screen, name: str, line: str) -> None:
    screen.tell(f"{name}: {line}")


def _show(cases: Sequence[_Case], *, close: bool, as_json: bool) -> None:
    if as_json:
        answer = {
            "ok": all(_is_proven(case) for case in cases),
            "close": close,
            "bots": [_plain(case) for case in cases],
        }
        result(json.dumps(answer, indent=2), as_json=True)
        return

    for case in cases:
        for line in _lines(case):
            result(line)


def _is_proven(case: _Case) -> bool:
    return case.cleared is not None and case.cleared.unproven is None


def _lines(case: _Case) -> Iterator[str]:
    """The verdict of one bot, money first."""
    cleared = case.cleared or Cleared(unproven="broken off")
    name = f"{case.bot.name} ({case.bot.environment})"

    if cleared.unproven is not None:
        yield f"{name}: NOT PROVEN"
        yield from textwrap.wrap(
            f"{cleared.unproven}. Look at the venue.", _WIDTH, initial_indent="  ", subsequent_indent="  "
        )
    else:
        yield f"{name}: no quote is left on the venue"

    for position in cleared.positions or (("flat",) if cleared.quotes is not None else ()):
        yield f"  position: {position}"

    for left in cleared.exits:
        yield f"  left on the venue: {left}"


def _plain(case: _Case) -> dict[str, object]:
    cleared = case.cleared or Cleared(unproven="broken off")

    return {
        "name": case.bot.name,
        "environment": case.bot.environment,
        "venue": case.bot.venue,
        "market": case.bot.market,
        "pid": case.bot.pid or None,
        "ok": cleared.unproven is None,
        "unproven": cleared.unproven,
        "quotes": cleared.quotes,
        "positions": list(cleared.positions),
        "exits": list(cleared.exits),
    }
