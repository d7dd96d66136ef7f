"""What ends a run: signals, its time, the end of its sandbox. Before there is a bot they end the start of one."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from typing import Protocol

import anyio
import attrs
from anyio.abc import TaskStatus

from perpmaker.cli.leaving import hurry
from perpmaker.cli.signals import EndingSignals
from perpmaker.runtime.supervisor import Supervisor

POLL_S = 0.05
"""Seconds between two looks at whether a signal came, and whether our handlers still stand."""

CLOSE_S = 8.0
"""Seconds that connections, plugins and a sandbox of our own are given to close once the run has its verdict."""


def _tell_nobody(_: str) -> None:
    """Nobody reads yet."""


@attrs.define
class Handle:
    """What signals, timers and the sandbox's end pull at.

    `seconds` is how long the run is to trade, None: until it is stopped. `stop_reason` is what ended it first, empty
    while nothing has. `origin` says where the market comes from. `tell` is given what a person should read.
    `has_own_sandbox`: the account is that of a sandbox which ends with this run; `instance` tells a sandbox that this
    run has started from all others.
    """

    close: bool
    seconds: float | None
    scope: anyio.CancelScope
    bot: Supervisor | None = None
    stop_reason: str = ""
    allowed_s: float = math.inf
    origin: tuple[str, ...] = ()
    tell: Callable[[str], None] = _tell_nobody
    has_own_sandbox: bool = attrs.field(default=False, init=False)
    instance: str = attrs.field(default="", init=False)
    is_over: bool = attrs.field(default=False, init=False)

    def allow(self, least_s: float) -> None:
        """Give the start the time that the run was given, but at least so much.

        A run without an end has all of it.
        """
        if self.seconds is not None:
            self.allowed_s = max(self.seconds, least_s)
            self.scope.deadline = anyio.current_time() + self.allowed_s

    def stop(self, reason: str) -> None:
        """Stop cleanly. The second time: hurry."""
        self.stop_reason = self.stop_reason or reason

        if self.bot is None or self.is_over:
            self.scope.cancel()
        else:
            self.bot.request_stop(close=self.close)

    def over(self) -> None:
        """Take the run for ended: what is still to be closed gets a moment, and a signal ends that."""
        self.is_over = True
        self.scope.deadline = anyio.current_time() + CLOSE_S


class Stoppable(Protocol):
    """What signals pull at: the handle of one run, or of several."""

    @property
    def bot(self) -> Supervisor | None:
        """A bot that has begun; None while there is none."""

    def stop(self, reason: str) -> None:
        """Stop cleanly. The second time: hurry."""

    @property
    def tell(self) -> Callable[[str], None]:
        """What is given lines for a person."""


async def watch_signals(handle: Stoppable, *, task_status: TaskStatus[None]) -> None:
    """SIGINT, SIGTERM, SIGHUP and SIGQUIT stop the bot cleanly.

    The second one hurries. Writing never stops it.

    One that was ignored at the beginning, as below nohup or in the background of a script, stays so. Where a plugin
    has put something in the place of our handlers, they are put back.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signals = EndingSignals()
    signals.take()

    try:
        task_status.started()
        heard = 0

        while True:
            await anyio.sleep(POLL_S)

            for line in signals.put_back():
                handle.tell(line)

            while heard < signals.count:
                heard += 1
                handle.stop("signal")
    finally:
        if handle.bot is None:
            signals.give_back()
        else:  # how it ended is still to be said, which takes a moment; a signal shortens it
            signals.on_signal = hurry
