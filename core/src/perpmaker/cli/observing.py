"""The observers of a run: begun before the venue is asked, told of start and end, and closed last."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
import msgspec

from perpmaker.cli.run_end import Ended
from perpmaker.cli.run_log import RunLog
from perpmaker.config.configuration import Configuration
from perpmaker.control.names import bot_name
from perpmaker.errors import leaves
from perpmaker.foreign_code import said
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.traceback_file import Tracebacks
from perpmaker.report.status import plain
from perpmaker.report.summary import Summary
from perpmaker.runtime.observers import CLOSE_S, About, Observers
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.secret import References

HURRIED_CLOSE_S = 1.0
"""Seconds that observers are given where a person has stopped a run before it has begun."""


@asynccontextmanager
async def open_observers(configuration: Configuration, home: StateDir, log: RunLog) -> AsyncIterator[Observers]:
    """Yield what hands on what happens, with the observers of a configuration begun."""
    about = About(
        bot=bot_name(configuration.file, configuration.run.market),
        environment=configuration.environment.value,
        venue=configuration.connector.name,
        market=configuration.run.market,
    )
    observers = Observers(log.tell, about, say_person=log.pass_on, record=log.record)
    report = Tracebacks(home.root, _tell_nobody).keep  # the caller reports the fault together with its consequence
    secrets = References(configuration.file.parent)

    for chosen in configuration.observers:
        observers.add(chosen.declaration, chosen.settings, secrets, report)

    within_s = CLOSE_S

    try:
        yield observers
    except Exception as error:
        first = next(leaves(error))
        observers.note("end", f"ended by an error: {said(first)}", {"error": type(first).__name__})
        raise
    except BaseException:
        within_s = HURRIED_CLOSE_S
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await observers.close(within_s)


def note_start(bot: Supervisor) -> None:
    """Tell the observers that the bot is ready and begins to trade."""
    about = bot.observers.about
    about.account = bot.connector.account
    run, program = bot.known.client_ids.run, version("perpmaker")
    text = f"{about.bot} begins: {about.market} on {about.venue} ({about.environment})"
    bot.observers.note("start", text, {"run_id": run, "version": program, "process": os.getpid()})


def note_end(bot: Supervisor, ended: Ended) -> None:
    """Tell the observers how the run ended. The figures are those of `run --json`."""
    bot.observers.note("end", _words_of(ended.summary), msgspec.json.decode(ended.summary.as_json()))


def _words_of(summary: Summary) -> str:
    """How a run ended in one line: first what a person has to do something about."""
    worst = "" if summary.unproven is None else f"NOT PROVEN CLEAN ({summary.unproven}); "
    halted = "" if summary.halted is None else f"halted ({summary.halted}); "
    result = ", ".join(f"{plain(amount)} {asset}" for asset, amount in summary.result_by_asset.items())
    base = summary.market.partition("-")[0]

    return f"ended by {summary.stop_reason}: {worst}{halted}result {result}, position {summary.position:f} {base}"


def _tell_nobody(_: str) -> None:
    """Nobody reads."""
