"""Reading from a venue: until it answers, every failure being waited out, or once, where next time is soon enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import anyio
import attrs

from perpmaker.engine.backoff import Backoff
from perpmaker.errors import AuthenticationError, PayloadError, RateLimitedError, VenueError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Halted

HELD_S = 30.0
"""A pause as long as this is not one of busy moments: the machine is shut out, and a restart must know."""

_Answer = TypeVar("_Answer")


@attrs.frozen(kw_only=True)
class Patience:
    """Tries a read again with capped back-off; while the key is not accepted, at most once in 30 s.

    `held` is given the seconds for which a venue wants to hear nothing at all, where those are many.
    """

    gate: Gate
    emit: Emit
    random: Random
    held: Callable[[float], None] = lambda _: None

    async def insist(self, read: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer, however long it takes; what a person must look at is emitted as `Halted`."""
        backoff = Backoff(Random(self.random.random()))  # noqa: S311  # jitter, not cryptography

        while True:
            await anyio.sleep(self.gate.wait_s)

            try:
                return await read()
            except AuthenticationError as error:
                self.gate.shut()
                self.emit([Halted(reason=f"the venue does not accept the key any more: {error}")])
            except RateLimitedError as error:
                if error.retry_after_s >= HELD_S:
                    self.held(error.retry_after_s)

                await anyio.sleep(max(error.retry_after_s, backoff.next_s()))
            except (VenueError, PayloadError):
                await anyio.sleep(backoff.next_s())
            except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained, and told as a halt
                self.emit([failed("a read", error)])
                await anyio.sleep(backoff.next_s())


async def ask_once(what: str, ask: Callable[[], Awaitable[_Answer]], emit: Emit) -> _Answer | None:
    """The answer; None where the venue gives none now, and where the connector fails, which is emitted as `Halted`."""
    try:
        return await ask()
    except (VenueError, PayloadError):
        return None
    except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained, and told as a halt
        emit([failed(what, error)])

        return None


def failed(what: str, error: Exception) -> Halted:
    """A connector has raised what no connector may: quotes go and stay away."""
    return Halted(reason=f"the connector failed on {what} ({type(error).__name__}: {error})")
