"""Commands about orders over a socket while it is up, and by REST otherwise. The outcomes are the same.

Nothing is kept for a connection that is not there: what was sent when it broke is unknown, and what was not is refused
unsent, to be decided anew. A socket that leaves one command unanswered is given up for all.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Protocol

import anyio
import attrs

from perpmaker.connector.interface import EventReceiver
from perpmaker.errors import ConnectivityError, RefusedError
from perpmaker.model.event import Channel, Event
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue.answer import Answer, LateAnswerError, LostAnswerError, NotSentError
from perpmaker.venue.http_dialect import Endpoint, Parameters
from perpmaker.venue.receiver import Message, Messages, RecurringChore, StreamEndedError
from perpmaker.venue.rest_client import QUOTE_WAIT_S, RestClient
from perpmaker.venue.stream import StreamSpec, Translation, open_stream
from perpmaker.wire.exchange import Incoming
from perpmaker.wire.pipe import Connect

CHECK_S = 1.0
"""Seconds between two looks at whether the socket still answers."""


class SocketWords(Protocol):
    """A venue's words for commands on a socket. It does no I/O."""

    def write(self, name: str, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> Message | None:
        """Write a command under this name, as of a venue time; None where the socket does not take such a one."""

    def read(self, message: Message) -> tuple[str, Incoming] | None:
        """Read which command a message answers, and the answer as over HTTP; None where it answers none."""


@attrs.define
class _Waiting:
    """A command that was sent, and its answer once it is there."""

    signed_at: float
    answered: anyio.Event = attrs.field(factory=anyio.Event)
    answer: Answer | None = None


@attrs.define(kw_only=True)
class CommandSocket:
    """A `CommandSender`, and the `Feed` that keeps its socket; it keeps no channel alive.

    Args:
        client: sends what does not go over the socket. Both spend of its budget.
        words: the venue's words.
        describe: describes the stream of the socket, with what begins its translation.
        connect: the network.
        deadline_s: seconds for each whole command.
        silent_s: seconds after which a socket that says nothing is dead; the venue answers heartbeats.
    """

    client: RestClient
    words: SocketWords
    describe: Callable[[Callable[[Messages], Translation[Event]]], StreamSpec[Event]]
    connect: Connect
    deadline_s: float
    silent_s: float = math.inf
    channels: frozenset[Channel] = frozenset()
    stall_s: float | None = None
    _messages: Messages | None = attrs.field(default=None, init=False)
    _waiting: dict[str, _Waiting] = attrs.field(factory=dict, init=False)
    _numbers: count[int] = attrs.field(factory=lambda: count(1), init=False)
    _heard_at: float = attrs.field(default=-math.inf, init=False)

    @property
    def venue(self) -> str:
        """The venue's name, for people."""
        return self.client.venue

    @property
    def is_up(self) -> bool:
        """Whether commands go over the socket now."""
        return self._messages is not None

    async def send(self, endpoint: Endpoint[object], parameters: Parameters, *, urgent: bool = False) -> Answer:
        """Send a command whichever way is open; errors as of `RestClient.send`."""
        client, clock = self.client, self.client.clock
        name, urgent = str(next(self._numbers)), urgent or endpoint.urgent

        if not (self.is_up and client.server_clock.known) or self._write(name, endpoint, parameters) is None:
            return await client.send(endpoint, parameters, urgent=urgent)

        patience_s = QUOTE_WAIT_S if endpoint.once and not urgent else self.deadline_s
        await client.budget.admit(endpoint.cost, urgent=urgent, patience_s=patience_s)
        message, messages, waiting = self._write(name, endpoint, parameters), self._messages, _Waiting(clock.now())

        if messages is None or message is None:
            raise NotSentError("the socket for commands has closed before this one was sent")

        answer = await self._exchange(messages, name, message, waiting)
        is_late = answer.failure is not None and answer.failure.reason is RefusalReason.TIMESTAMP

        if is_late and not endpoint.once:
            return await client.send(endpoint, parameters, urgent=urgent)

        return answer

    def _write(self, name: str, endpoint: Endpoint[object], parameters: Parameters) -> Message | None:
        return self.words.write(name, endpoint, parameters, self.client.server_clock.ms())

    async def _exchange(self, messages: Messages, name: str, message: Message, waiting: _Waiting) -> Answer:
        """Send one message and wait for what answers it."""
        self._waiting[name] = waiting

        try:
            with anyio.fail_after(self.deadline_s):
                await messages.send(message)
                await waiting.answered.wait()
        except TimeoutError:
            self._give_up()
            text = "the socket for commands did not answer in time"
            raise LateAnswerError(text, signed_at=waiting.signed_at) from None
        except ConnectivityError as error:
            raise LostAnswerError(f"the socket for commands broke: {error}", signed_at=waiting.signed_at) from None
        finally:
            self._waiting.pop(name, None)

        if waiting.answer is None:
            raise LostAnswerError("the socket for commands closed without an answer", signed_at=waiting.signed_at)

        return waiting.answer

    # --- the feed -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Connect and authenticate; commands go over the socket from then on, until it is left."""
        try:
            async with open_stream(self.describe(self._begin), self.connect, self.client.clock) as receiver:
                try:
                    yield receiver
                finally:
                    self._give_up()
        except RefusedError as error:  # there is another way: no reason to stop
            raise ConnectivityError(f"the socket for commands is refused: {error}") from None

    def _begin(self, messages: Messages) -> Translation[Event]:
        self._messages, self._heard_at = messages, self.client.clock.now()
        look = RecurringChore(self._look, self.client.clock, every_s=CHECK_S)

        return Translation(translate=self._translate, chores=(look,))

    async def _look(self) -> None:
        if self._messages is None or self.client.clock.now() - self._heard_at > self.silent_s:
            raise StreamEndedError("the socket for commands does not answer")

    def _translate(self, message: Message) -> Sequence[Event]:
        """Hand an answer to whoever waits for it; the socket tells no events."""
        self._heard_at = self.client.clock.now()
        answer = self.words.read(message)
        waiting = None if answer is None else self._waiting.get(answer[0])

        if answer is not None and waiting is not None:
            waiting.answer = self.client.learn(answer[1], waiting.signed_at)
            waiting.answered.set()

        return ()

    def _give_up(self) -> None:
        """Send nothing over this connection any more; nobody waits for an answer that cannot come."""
        self._messages = None

        for waiting in self._waiting.values():
            waiting.answered.set()
