"""Messages of one stream to the core's events, and what has to be done now and then while they are waited for."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Never, Protocol, TypeAlias, TypeVar, runtime_checkable

import anyio

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError, PayloadError, RateLimitedError, VenueError
from perpmaker.model.event import MarketEvent
from perpmaker.venue.book_sync import BookSync
from perpmaker.venue.tolerance import Tolerance

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)

Message: TypeAlias = str | bytes
Translate: TypeAlias = Callable[[Message], Sequence[Item]]
"""One message to what it says, perhaps nothing.

PayloadError where it cannot be read, UnknownMessageError where its kind is not known, ConnectivityError where it says
that the stream is over.
"""


class StreamEndedError(ConnectivityError):
    """The venue says that a stream is over."""


class Messages(Protocol):
    """An open connection, or several that follow each other."""

    async def receive(self) -> Message:
        """Return the next whole message; ConnectivityError when there will be none. Safe to cancel."""

    async def send(self, message: Message) -> None:
        """Send one message; ConnectivityError when the connection is closed."""


class Chore(Protocol[Item_co]):
    """Something to do at a certain time while messages are waited for."""

    @property
    def due_at(self) -> float:
        """The moment of the engine's clock at which `run` is due; `math.inf` while there is nothing to do."""

    async def run(self) -> Sequence[Item_co]:
        """Do it; return what came of it, perhaps nothing. A PayloadError counts as an unreadable message."""


@runtime_checkable
class Renewing(Protocol):
    """What a chore has besides that asks for what later messages build upon: a recording that begins anew needs it."""

    def hasten(self) -> None:
        """Ask although nobody else may need it."""


class TranslatingReceiver(Generic[Item]):
    """Receives the messages of one stream translated, and does the stream's chores meanwhile.

    Args:
        messages: where messages come from.
        translate: the dialect's translation.
        clock: the engine's clock.
        tolerance: decides when unreadable messages end the stream.
        chores: what is to be done now and then. Messages wait in the connection meanwhile.
    """

    def __init__(
        self,
        messages: Messages,
        translate: Translate[Item],
        clock: Clock,
        *,
        tolerance: Tolerance,
        chores: Sequence[Chore[Item]] = (),
    ) -> None:
        self.tolerance = tolerance
        self._messages = messages
        self._translate = translate
        self._clock = clock
        self._chores = tuple(chores)

    async def receive(self) -> Sequence[Item]:
        """Return the next items, at least one. Safe to cancel.

        Raises:
            ConnectivityError: the stream ended, or too much of it cannot be read.
        """
        while True:
            due_at = math.inf

            for chore in self._chores:
                if (at := chore.due_at) < due_at:
                    due_at = at

            try:
                if due_at == math.inf:
                    items = self._translate(await self._messages.receive())
                else:
                    items = await self._receive_until(due_at)
            except PayloadError as error:
                self.tolerance.bear(error)
                continue

            if items:
                return items

    def renew(self) -> bool:
        """Have asked for what later messages build upon; return whether a chore does."""
        for chore in (asking := [chore for chore in self._chores if isinstance(chore, Renewing)]):
            chore.hasten()

        return bool(asking)

    async def _receive_until(self, due_at: float) -> Sequence[Item]:
        wait_s = due_at - self._clock.now()

        if wait_s <= 0:
            return await self._do_chores()

        with anyio.move_on_after(wait_s):
            return self._translate(await self._messages.receive())

        return ()

    async def _do_chores(self) -> Sequence[Item]:
        """Do what is due, up to the first chore that brings something: cancelled later, that would be lost."""
        now = self._clock.now()

        for chore in self._chores:
            if chore.due_at <= now and (items := await chore.run()):
                return items

        return ()


class SnapshotChore:
    """Asks for a snapshot while the book wants one, at most once in `interval_s` seconds.

    Args:
        sync: the book.
        ask: gets a snapshot and hands it to the book; or asks the stream for one, and returns nothing yet.
        clock: the engine's clock.
        interval_s: seconds between two attempts, longer where the venue says so.
        delay_s: seconds before the first one, where the stream brings a snapshot by itself.
    """

    def __init__(
        self,
        sync: BookSync,
        ask: Callable[[], Awaitable[Sequence[MarketEvent]]],
        clock: Clock,
        *,
        interval_s: float = 1.0,
        delay_s: float = 0.0,
    ) -> None:
        self._sync = sync
        self._ask = ask
        self._clock = clock
        self._interval_s = interval_s
        self._next_at = clock.now() + delay_s
        self._is_hastened = False

    @property
    def due_at(self) -> float:
        """When the next snapshot may be asked for; never while none is wanted."""
        return self._next_at if self._is_hastened or self._sync.wants_snapshot else math.inf

    def hasten(self) -> None:
        """Ask for one although the book may be known."""
        self._is_hastened = True

    async def run(self) -> Sequence[MarketEvent]:
        """Ask; a venue that wants fewer requests is obeyed, every other VenueError ends the stream."""
        self._next_at = self._clock.now() + self._interval_s

        try:
            items = await self._ask()
        except RateLimitedError as error:
            self._next_at = self._clock.now() + max(self._interval_s, error.retry_after_s)
            return ()

        self._is_hastened = False

        return items


class RecurringChore:
    """Does the same again and again, sooner after a failure.

    It measures a clock, renews a key, or sends a heartbeat.

    Args:
        do: what is to be done. A StreamEndedError ends the stream at once.
        clock: the engine's clock.
        every_s: seconds after a success.
        retry_s: seconds after a failure.
        patience_s: seconds that it may take; messages wait in the connection meanwhile.
        most_failures: failures in a row after which the stream ends.
        name: what could not be renewed, as the error of that end begins.
    """

    def __init__(
        self,
        do: Callable[[], Awaitable[object]],
        clock: Clock,
        *,
        every_s: float,
        retry_s: float = 30.0,
        patience_s: float = 2.0,
        most_failures: float = math.inf,
        name: str = "",
    ) -> None:
        self.due_at = clock.now() + every_s
        """When it is due."""

        self._do = do
        self._clock = clock
        self._every_s = every_s
        self._retry_s = retry_s
        self._patience_s = patience_s
        self._most_failures = most_failures
        self._name = name
        self._failures = 0

    async def run(self) -> Sequence[Never]:
        """Do it; StreamEndedError from `do`, and ConnectivityError after too many failures, end the stream."""
        self.due_at = self._clock.now() + self._retry_s

        try:
            with anyio.fail_after(self._patience_s):
                await self._do()
        except StreamEndedError:
            raise
        except (VenueError, PayloadError, TimeoutError):
            self._failures += 1

            if self._failures > self._most_failures:
                raise ConnectivityError(f"{self._name} could not be renewed") from None
        else:
            self._failures = 0
            self.due_at = self._clock.now() + self._every_s

        return ()
