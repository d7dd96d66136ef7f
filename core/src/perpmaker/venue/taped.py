"""A stream as it is recorded: each message is kept when it comes, also while the stream's chores are done.

Only a recording pays for that: a task more for each of its streams.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Never

import anyio

from perpmaker.clock import Clock
from perpmaker.connector.tape import Tape
from perpmaker.errors import ConnectivityError, PayloadError, VenueError
from perpmaker.venue.answer import Answer
from perpmaker.venue.http_dialect import Endpoint
from perpmaker.venue.receiver import Message, Messages

_RETRY_S = 1.0


class RenewalChore:
    """Asks for what later messages build upon when a recording begins anew, and never else.

    Args:
        ask: asks; what is answered is of use to the recording alone. What fails is tried again after a second.
        clock: the engine's clock.
    """

    def __init__(self, ask: Callable[[], Awaitable[object]], clock: Clock) -> None:
        self.due_at = math.inf
        """When it is due."""

        self._ask = ask
        self._clock = clock

    def hasten(self) -> None:
        """Ask now."""
        self.due_at = self._clock.now()

    async def run(self) -> Sequence[Never]:
        """Ask; the stream goes on whatever comes of it."""
        self.due_at = self._clock.now() + _RETRY_S

        with suppress(VenueError, PayloadError):
            await self._ask()
            self.due_at = math.inf

        return ()


class TapedMessages:
    """Messages that have been kept on a tape.

    `renew` is called when the recording begins anew: it has the venue tell what later messages build upon.
    """

    def __init__(self, messages: Messages, tape: Tape) -> None:
        self.renew: Callable[[], Awaitable[None]] | None = None
        self._messages = messages
        self._tape = tape
        self._beginnings = tape.beginnings
        self._sender, self._receiver = anyio.create_memory_object_stream[Message](math.inf)
        self._error: Exception | None = None

    async def run(self) -> None:
        """Keep what comes until the stream ends; whoever receives is told why."""
        with self._sender:
            try:
                while True:
                    message = await self._messages.receive()
                    self._tape.keep(message)
                    self._sender.send_nowait(message)
                    await self._follow_beginnings()
            except Exception as error:  # noqa: BLE001  # raised again where it is waited for
                self._error = error

    async def receive(self) -> Message:
        """Return the next message; see `Messages`."""
        try:
            return await self._receiver.receive()
        except anyio.EndOfStream:
            raise self._error or ConnectivityError("the stream has ended") from None

    async def send(self, message: Message) -> None:
        """Send one message; see `Messages`."""
        await self._messages.send(message)

    def close(self) -> None:
        """Let go of what nobody has received."""
        self._receiver.close()

    async def _follow_beginnings(self) -> None:
        if self._beginnings != self._tape.beginnings and self.renew is not None:
            self._beginnings = self._tape.beginnings
            await self.renew()


def recorded(answer: Answer, endpoint: Endpoint[object], tape: Tape | None) -> Answer:
    """Return an answer, kept on the tape where it belongs into a recording."""
    if endpoint.recorded and tape is not None and answer.ok:
        tape.keep(answer.body)

    return answer


@asynccontextmanager
async def open_taped(messages: Messages, tape: Tape) -> AsyncIterator[TapedMessages]:
    """Keep what comes on a tape for as long as the context lasts."""
    taped = TapedMessages(messages, tape)
    error: Exception | None = None

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(taped.run)

            try:
                yield taped
            except Exception as raised:  # noqa: BLE001  # raised again below: the task group would wrap it
                error = raised

            tasks.cancel_scope.cancel()
    finally:
        taped.close()

    if error is not None:
        raise error
