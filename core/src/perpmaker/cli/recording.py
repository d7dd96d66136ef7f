"""A recording as a person meets it: how far it has been read, and that a run ends with it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

import anyio
import attrs

from perpmaker.cli.venue import attach
from perpmaker.errors import ConnectivityError
from perpmaker.sandbox.server import SandboxLine
from perpmaker.simulation.recording_check import Progress

TELL_EVERY_S = 2.0
ASK_EVERY_S = 0.5


@attrs.define
class ReadingLine:
    """Tells how far a recording has been read, every two seconds.

    A short one is read before there is a need.
    """

    tell: Callable[[str], None]
    now: Callable[[], float] = monotonic
    _told_at: float = math.nan

    def show(self, progress: Progress) -> None:
        """Take note of it, and tell it when it is time."""
        now = self.now()

        if math.isnan(self._told_at):
            self._told_at = now
        elif now >= self._told_at + TELL_EVERY_S:
            self._told_at = now
            self.tell(f"reading the recording: {progress.portion:.0%} ({progress.file})")


@asynccontextmanager
async def open_watch(line: SandboxLine, tell: Callable[[str], None], stop: Callable[[], None]) -> AsyncIterator[None]:
    """Stop a run, and say so, when the recording that a sandbox plays is over.

    A synthetic market never is.
    """
    async with anyio.create_task_group() as group:
        if line.recording:
            group.start_soon(_watch, line, tell, stop)

        yield
        group.cancel_scope.cancel()


async def _watch(line: SandboxLine, tell: Callable[[str], None], stop: Callable[[], None]) -> None:
    """Ask, twice a second, whether it is over."""
    while True:
        await anyio.sleep(ASK_EVERY_S)

        try:
            found = await attach(line.url)
        except ConnectivityError:
            continue  # whoever watches the sandbox itself says that it is gone

        if found.is_over:
            window = "" if found.window is None else f" ({found.window})"
            tell(f"the recording has ended{window}: nothing moves any more, so the run ends with it")
            stop()
            return
