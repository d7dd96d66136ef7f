"""Reading from a venue: until it answers, every failure being waited out, or once, where next time is soon enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import TypeVar

import anyio
import attrs

from perpmaker.errors import AuthenticationError, ExitCode, PayloadError, PluginFaultError, RateLimitedError, VenueError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import AccountUnread, Halted
from perpmaker.runtime.backoff import Backoff

HELD_S = 30.0
"""A pause as long as this is not one of busy moments: the machine is shut out, and a restart must know."""

DEAF_S = 5.0
"""An account that cannot be read for so long is one that nobody can vouch for."""

_FAULTS = (VenueError, PayloadError)

_Answer = TypeVar("_Answer")


@attrs.frozen(kw_only=True)
class Retry:
    """Tries a read again with capped back-off; while the key is not accepted, at most once in 30 s.

    `held` is given the seconds for which a venue wants to hear nothing at all, where those are many.
    """

    gate: Gate
    emit: Emit
    random: Random
    held: Callable[[float], None] = lambda _: None

    async def insist(self, read: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer, however long it takes, which is emitted as `AccountUnread` when that is long.

        What a person must look at is emitted as `Halted`.
        """
        deaf_at = self.gate.clock.now() + DEAF_S
        backoff = Backoff(Random(self.random.random()))  # noqa: S311  # jitter, not cryptography

        while True:
            await anyio.sleep(self.gate.wait_s)

            try:
                return await read()
            except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained, and told as a halt
                wait_s = self._take(error, backoff)

                if isinstance(error, _FAULTS) and not self.gate.wait_s and self.gate.clock.now() + wait_s >= deaf_at:
                    deaf_at = inf
                    self.emit([AccountUnread(reason=f"the venue does not answer: {error}")])

            await anyio.sleep(wait_s)

    def _take(self, error: Exception, backoff: Backoff) -> float:
        """Say what a failure means to whom it concerns; seconds until the next try."""
        match error:
            case AuthenticationError():
                self.gate.shut()
                self.emit([Halted(reason=f"the venue does not accept the key any more: {error}")])

                return 0.0  # the gate is waited for
            case RateLimitedError(retry_after_s=retry_after_s):
                if retry_after_s >= HELD_S:
                    self.held(retry_after_s)

                return max(retry_after_s, backoff.next_s())
            case VenueError() | PayloadError():
                return backoff.next_s()

        self.emit([failed("a read", error)])

        return backoff.next_s()


async def ask_once(what: str, ask: Callable[[], Awaitable[_Answer]], emit: Emit) -> _Answer | None:
    """The answer; None where the venue gives none now, and where the connector fails, which is emitted as `Halted`."""
    try:
        return await ask()
    except _FAULTS:
        return None
    except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained, and told as a halt
        emit([failed(what, error)])

        return None


def failed(what: str, error: Exception) -> Halted:
    """A connector has raised what no connector may: quotes go and stay away."""
    if isinstance(error, PluginFaultError):
        return Halted(reason=str(error), code=error.exit_code)

    return Halted(reason=f"the connector failed on {what} ({type(error).__name__}: {error})", code=ExitCode.PLUGIN)
