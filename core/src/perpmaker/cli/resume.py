"""`perpmaker resume [NAME]`: releases a halt that is latched, once a person has seen its cause and the account."""

from __future__ import annotations

import json
import os
import shlex
import textwrap

import click

from perpmaker.cli.bot_choice import agreed, chosen_bots, configuration_of, reached
from perpmaker.cli.event_loop import run_async
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import Screen
from perpmaker.config.configuration import Configuration
from perpmaker.errors import ExitCode, LockedError
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.known_bots import KnownBot
from perpmaker.launch.release import Released, release_halt
from perpmaker.launch.traceback_file import Tracebacks

_WIDTH = 80


@click.command()
@click.argument("name", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--sandbox-url", metavar="URL", help="Where the sandbox of the bot serves, if it does not say itself.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def resume(name: str | None, *, yes: bool, sandbox_url: str | None, as_json: bool) -> None:
    """Release a halt that is latched.

    NAME is a bot's name, market or file. Cause, position and free margin are shown first, and it is asked for. Nothing
    is started: `perpmaker run` does that, and with --resume both at once. Exit code 7 where the halt stays.
    """
    claim()
    catalog, screen = open_catalog(), Screen()
    (bot,) = chosen_bots(open_state_dir(os.environ), name, catalog, every=False)

    if bot.pid:
        raise LockedError(
            f"{bot.name} runs (process {bot.pid}): a halt is released when it has ended. "
            f"Look at it with perpmaker status {bot.name}, end it with perpmaker stop {bot.name}"
        )

    configuration = configuration_of(bot, catalog)

    with watched(screen.tell):
        found = run_async(_release, bot, configuration, screen, sandbox_url, yes)

    _show(bot, found, as_json=as_json)

    if found.latch is not None and not found.is_released:
        raise click.exceptions.Exit(ExitCode.HALTED.value)


async def _release(bot: KnownBot, configuration: Configuration, screen: Screen, url: str | None, yes: bool) -> Released:
    home = open_state_dir(os.environ)

    async def agree(found: Released) -> bool:
        screen.tell(f"{bot.name} was halted: {found.latch}")
        screen.tell(found.account)

        return agreed("Release the halt, so that it may quote again?", yes=yes)

    async with reached(bot, configuration, url) as context:
        return await release_halt(
            plan_of(configuration),
            context,
            home=home,
            tell=screen.tell,
            report=Tracebacks(home.root, screen.tell).keep,
            agree=agree,
        )


def _show(bot: KnownBot, found: Released, *, as_json: bool) -> None:
    if as_json:
        answer = {"name": bot.name, "halt": found.latch, "account": found.account, "released": found.is_released}
        result(json.dumps(answer, indent=2), as_json=True)
        return

    if found.latch is None:
        words = f"{bot.name}: no halt is latched; there was nothing to release."
    elif found.is_released:
        words = f"{bot.name}: released. Next: {shlex.join(['perpmaker', 'run', bot.file])}"
    else:
        words = f"{bot.name}: the halt stays."

    for line in textwrap.wrap(words, _WIDTH, break_on_hyphens=False, break_long_words=False):
        result(line)
