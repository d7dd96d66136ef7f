"""What ends a run: signals, its time, the end of its sandbox. Before there is a bot they end the start of one."""

from __future__ import annotations

import math
import signal

import anyio
import attrs
from anyio.abc import TaskStatus

from perpmaker.runtime.supervisor import Supervisor

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


@attrs.define
class Handle:
    """What signals, timers and the sandbox's end pull at.

    `seconds` is how long the run is to trade, None: until it is stopped. `stop_reason` is what ended it first, empty
    while nothing has. `origin` says where the market comes from.
    """

    close: bool
    seconds: float | None
    scope: anyio.CancelScope
    bot: Supervisor | None = None
    stop_reason: str = ""
    allowed_s: float = math.inf
    origin: tuple[str, ...] = ()

    def allow(self, least_s: float) -> None:
        """Give the start the time that the run was given, but at least so much; a run without an end has all of it."""
        if self.seconds is not None:
            self.allowed_s = max(self.seconds, least_s)
            self.scope.deadline = anyio.current_time() + self.allowed_s

    def stop(self, reason: str) -> None:
        """Stop cleanly; the second time: hurry."""
        self.stop_reason = self.stop_reason or reason

        if self.bot is None:
            self.scope.cancel()
        else:
            self.bot.request_stop(close=self.close)


async def watch_signals(handle: Handle, *, task_status: TaskStatus[None]) -> None:
    """SIGINT, SIGTERM, SIGHUP and SIGQUIT stop the bot cleanly; the second one hurries. Writing never stops it.

    One that is ignored already, as below nohup or in the background of a script, stays so.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    wanted = [one for name in _ENDING if signal.getsignal(one := signal.Signals[name]) is not signal.SIG_IGN]

    if not wanted:
        task_status.started()
        await anyio.sleep_forever()

    try:
        with anyio.open_signal_receiver(*wanted) as signals:
            task_status.started()

            async for _ in signals:
                handle.stop("signal")
    finally:
        if handle.bot is not None:  # how it ended is still to be said, which takes a moment and no one can hurry
            for one in wanted:
                signal.signal(one, signal.SIG_IGN)
