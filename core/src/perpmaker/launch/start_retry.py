"""A start goes on when the venue cannot be reached, asks for a pause, or has shut this machine out: it waits.

What the venue refuses ends it; that is said with the keys of the configuration that mend it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.decision.notices import Notices
from perpmaker.errors import AuthenticationError, ConnectivityError, RateLimitedError
from perpmaker.journal.state_dir import StateDir
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.retry import HELD_S

_Result = TypeVar("_Result")

LONGEST_HOLD_S = 3 * 24 * 3_600.0
"""No venue shuts anybody out for longer; what says otherwise was written with a wrong clock."""


@attrs.frozen(kw_only=True)
class Hold:
    """What is known, over restarts, of a venue that has shut this machine out for a while."""

    home: StateDir | None
    venue: str
    clock: Clock

    def begin(self, seconds: float) -> None:
        """The venue wants to hear nothing for so long."""
        if self.home is not None:
            self.home.hold(self.venue, self.clock.utc_ms() + int(seconds * 1000))

    async def wait(self, tell: Callable[[str], None]) -> None:
        """Let what is left of it pass before anything is sent."""
        wait_s = self._left_s()

        if wait_s > 0:
            tell(self._words(wait_s))
            await anyio.sleep(wait_s)

    def refuse(self) -> None:
        """Raise RateLimitedError while something is left of it: asking now would only make it longer."""
        wait_s = self._left_s()

        if wait_s > 0:
            raise RateLimitedError(self._words(wait_s), retry_after_s=wait_s)

    def _left_s(self) -> float:
        until_ms = 0 if self.home is None else self.home.held_until_ms(self.venue)

        return min((until_ms - self.clock.utc_ms()) / 1000, LONGEST_HOLD_S)

    def _words(self, wait_s: float) -> str:
        return f"{self.venue} has shut this machine out for another {wait_s:.0f} s: nothing is sent until then"


@attrs.frozen(kw_only=True)
class StartRetry:
    """Tries what needs the venue again while it cannot be reached or asks for a pause.

    Tells that once a minute.
    """

    table: str
    environment: Environment
    tell: Callable[[str], None]
    backoff: Backoff
    held: Callable[[float], None]
    notices: Notices = attrs.field(factory=Notices)

    async def insist(self, step: Callable[[], Awaitable[_Result]]) -> _Result:
        """Return the step's result, however often it takes. Refusals are raised, a refused key with its name."""
        while True:
            try:
                return await step()
            except ConnectivityError as error:
                wait_s = self.backoff.next_s()
                self._say("unreachable", f"{error} It is tried again until it answers.")
            except RateLimitedError as error:
                wait_s = max(error.retry_after_s, self.backoff.next_s())
                is_held = error.retry_after_s >= HELD_S
                # A long wait is told even when a short one was just told of.
                self._say(("paused", is_held), f"{error} Trying again in {wait_s:.1f} s.")

                if is_held:
                    self.held(error.retry_after_s)

            except AuthenticationError as error:
                raise unaccepted(self.table, error) from None

            await anyio.sleep(wait_s)

    def _say(self, cause: Hashable, text: str) -> None:
        for line in self.notices.say(cause, f"{place(self.table, self.environment)}: {text}", anyio.current_time()):
            self.tell(line)


@contextmanager
def once(table: str, environment: Environment, held: Callable[[float], None]) -> Iterator[None]:
    """Ask the venue once, and try nothing again.

    A refusal of the venue is raised with the keys of the configuration in it.
    """
    try:
        yield
    except AuthenticationError as error:
        raise unaccepted(table, error) from None
    except RateLimitedError as error:
        if error.retry_after_s >= HELD_S:
            held(error.retry_after_s)

        raise
    except ConnectivityError as error:
        raise ConnectivityError(f"{place(table, environment)}: {error}") from error


def venue_of(connector: str, context: ConnectorContext) -> str:
    """Return the venue as this machine reaches it."""
    at = "" if context.sandbox is None else f" at {context.sandbox.url.partition('://')[2]}"

    return f"{connector} ({context.environment.value}){at}"


def place(table: str, environment: Environment) -> str:
    """Return where a person says which venue is meant: the table of the configuration and its key."""
    return f'[{table}] environment = "{environment.value}"'


def unaccepted(table: str, error: AuthenticationError) -> AuthenticationError:
    """Return a key that the venue refuses, with the keys of the configuration that hold it."""
    text = f"{table} does not accept the key ([{table}] api_key, api_secret): {error.text}"

    return AuthenticationError(text, code=error.code, status=error.status)
