"""The log of a run: every line of its screen, and each event with its figures."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from time import monotonic

import anyio

from perpmaker.cli.failure import expected
from perpmaker.cli.handle import Handle
from perpmaker.config.configuration import Configuration
from perpmaker.control.names import bot_name
from perpmaker.errors import ConfigurationError, leaves
from perpmaker.foreign_code import said
from perpmaker.journal.state_dir import StateDir
from perpmaker.plugins.observer import Happening
from perpmaker.runtime.log_file import LogFile

LOGS = "log"
"""The directory of logs in the state directory."""

UNLOGGED = frozenset({"quote", "status"})
"""Kinds that are not written: they come all the time, and the journal has them."""


CLOSE_S = 2.0
"""Seconds that an end waits for what is still to be written."""

POLL_S = 0.01


class RunLog:
    """Passes lines on to a person, and writes them down. `pass_on` tells a person alone."""

    def __init__(self, file: LogFile | None, tell: Callable[[str], None]) -> None:
        self._file = file
        self.pass_on = tell
        self._has_end = False

    def tell(self, text: str) -> None:
        """Tell a person a line, and write it down."""
        self.pass_on(text)
        self.note("notice", text)

    def note(self, kind: str, text: str) -> None:
        """Write a line down."""
        if self._file is not None:
            self._file.note(kind, text)

    def record(self, happening: Happening) -> None:
        """Write down what happened, with its figures."""
        if self._file is None or happening.kind in UNLOGGED:
            return

        self._has_end = self._has_end or happening.kind == "end"
        self._file.head["account"] = happening.account
        self._file.note(happening.kind, happening.text, happening.facts, happening.at_ms)

    def say_error(self, error: BaseException) -> None:
        """Write down why a run has ended, or has not begun, where that is not there yet."""
        if not self._has_end:
            first = expected(error) or next(leaves(error))
            self.note("error", said(first))


@asynccontextmanager
async def open_run_log(
    configuration: Configuration, home: StateDir, handle: Handle, tell: Callable[[str], None]
) -> AsyncIterator[RunLog]:
    """Yield the log of a bot; what the handle tells goes there, too. Without a log the bot trades all the same."""
    name = bot_name(configuration.file, configuration.run.market)
    environment = configuration.environment.value
    head = {
        "bot": name,
        "environment": environment,
        "venue": configuration.connector.name,
        "market": configuration.run.market,
        "account": "",
    }
    about = {"file": str(configuration.file.absolute()), "version": version("perpmaker"), "process": os.getpid()}

    try:
        file = LogFile(home.private(LOGS), home.plain(f"{name}~{environment}"), head=head, about=about, tell=tell)
    except (OSError, ConfigurationError, RuntimeError) as error:  # RuntimeError: no thread can be started
        tell(f"the log cannot be written ({said(error)}): trading goes on without it")
        handle.tell = tell
        yield RunLog(None, tell)
        return

    log = RunLog(file, tell)
    handle.tell = log.tell

    try:
        yield log
    except BaseException as error:
        log.say_error(error)
        raise
    finally:
        file.end()
        until = monotonic() + CLOSE_S

        with anyio.CancelScope(shield=True):
            while file.is_alive and monotonic() < until:  # noqa: ASYNC110  # a thread sets no event of the loop's
                await anyio.sleep(POLL_S)
