"""All open sockets of a sandbox, who hears what, and one client's socket in conversation."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeAlias, runtime_checkable

import anyio
import attrs
import msgspec
from anyio.abc import TaskGroup

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError
from perpmaker.sandbox.latency import DelayLine
from perpmaker.wire.websocket import WebSocket

BACKLOG: Final = 10_000
"""Messages that may wait for a client; one that does not read is closed."""

COURTESY_S: Final = 0.5
"""Seconds in which what is queued goes out before a socket is closed."""

POLICY_VIOLATION: Final = 1008
"""The close code of a socket that the sandbox ends."""


Answers: TypeAlias = Sequence[object]
"""What is sent to one client, each encoded as JSON, in this order."""


class Session(Protocol):
    """What a dialect knows of one socket: what its client asked for, and how messages are written for it."""

    def hears(self, stream: str) -> bool:
        """Return whether messages of the stream come through."""

    def frame(self, stream: str, kind: str, payload: str) -> str | None:
        """Return the message that carries the JSON payload; None where the client does not want this kind."""

    def obey(self, message: str | bytes) -> Answers | Awaitable[Answers]:
        """Obey a client's message and return the answers; messages that come meanwhile do not wait for an awaitable."""


@runtime_checkable
class Paced(Protocol):
    """The optional ability of a session to have a rule of its own for how fast its client may talk."""

    @property
    def messages_per_s(self) -> int | None:
        """Return what stands before the hub's rule; None: any number."""


@runtime_checkable
class Greeting(Protocol):
    """The optional ability of a session to speak first."""

    def greet(self) -> Answers:
        """Return what is sent when the socket opens."""


@attrs.frozen(kw_only=True)
class SocketRules:
    """How long a venue keeps a socket.

    Args:
        life_s: seconds after which every socket is closed.
        messages_per_s: more messages of a client within a second end its socket; None: any number.
        idle_s: seconds of a client's silence that end its socket; None: it may be silent.
    """

    life_s: float
    messages_per_s: int | None = None
    idle_s: float | None = None


class SocketHub:
    """Delivers messages to the sockets that hear their stream; each is encoded once, and only when it is heard.

    Args:
        clock: ours.
        rules: how long sockets are kept.
        feed: what market data go through; it may keep them for a while.
    """

    def __init__(self, clock: Clock, rules: SocketRules, feed: DelayLine) -> None:
        self._clock = clock
        self._rules = rules
        self._feed = feed
        self._connections: dict[_Connection, None] = {}
        self._hearers: dict[str, list[_Connection]] = {}

    async def converse(self, socket: WebSocket, session: Session) -> None:
        """Serve one socket until it ends."""
        connection = _Connection(socket, session, self._clock, self._rules, self._hearers.clear)
        self._connections[connection] = None
        self._hearers.clear()

        try:
            await connection.converse()
        finally:
            del self._connections[connection]
            self._hearers.clear()

    def publish(self, stream: str, make: Callable[[], Mapping[str, object] | None]) -> None:
        """Deliver market data, if anybody hears the stream; what is made is None where there is nothing new."""
        data = make() if self._hearing(stream) else None

        if data is not None:
            self._feed.put(partial(self._deliver, stream, "", msgspec.json.encode(data).decode()))

    def publish_own(self, stream: str, kind: str, data: Mapping[str, object]) -> None:
        """Deliver an event of the account at once, to those who want its kind."""
        if self._hearing(stream):
            self._deliver(stream, kind, msgspec.json.encode(data).decode())

    def _deliver(self, stream: str, kind: str, payload: str) -> None:
        for connection in self._hearing(stream):
            message = connection.session.frame(stream, kind, payload)

            if message is not None:
                connection.queue(message)

    def _hearing(self, stream: str) -> list[_Connection]:
        hearing = self._hearers.get(stream)

        if hearing is None:
            hearing = [connection for connection in self._connections if connection.session.hears(stream)]
            self._hearers[stream] = hearing

        return hearing


class _Connection:
    """A socket in conversation. What is delivered to it waits in a queue."""

    def __init__(
        self, socket: WebSocket, session: Session, clock: Clock, rules: SocketRules, changed: Callable[[], None]
    ) -> None:
        self.session = session
        self._socket = socket
        self._clock = clock
        self._rules = rules
        self._changed = changed
        self._scope = anyio.CancelScope()
        self._incoming, self._outgoing = anyio.create_memory_object_stream[str](BACKLOG)

    async def converse(self) -> None:
        """Send what is queued and obey messages, until the socket ends or its life is over."""
        if isinstance(self.session, Greeting):
            self._answer(self.session.greet())

        with self._incoming, self._outgoing, self._scope, anyio.move_on_after(self._rules.life_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send)
                await self._listen(tasks)
                # What is queued goes out first: a frame cut in half would take the closing frame with it.
                self._incoming.close()
                tasks.cancel_scope.deadline = anyio.current_time() + COURTESY_S

        await self._socket.close(POLICY_VIOLATION, "disconnected")

    def queue(self, message: str) -> None:
        """Queue a message; a client that is too far behind is cut off, one that is being closed hears no more."""
        try:
            self._incoming.send_nowait(message)
        except anyio.WouldBlock:
            self._scope.cancel()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            return

    async def _send(self) -> None:
        with suppress(ConnectivityError):
            async for message in self._outgoing:
                await self._socket.send(message)

    async def _listen(self, tasks: TaskGroup) -> None:
        """Obey messages until the socket is closed, its client is silent, or too many came within a second."""
        rule = self.session if isinstance(self.session, Paced) else self._rules
        most = rule.messages_per_s
        recent: deque[float] = deque(maxlen=most or 1)

        with suppress(ConnectivityError, TimeoutError):
            while True:
                with anyio.fail_after(self._rules.idle_s):
                    message = await self._socket.receive()

                now = self._clock.now()

                if most is not None and len(recent) == most and now - recent[0] < 1:
                    return

                recent.append(now)
                answers = self.session.obey(message)
                self._changed()

                if isinstance(answers, Awaitable):
                    tasks.start_soon(self._answer_later, answers)
                    await anyio.lowlevel.checkpoint()  # what came first begins first
                else:
                    self._answer(answers)

    async def _answer_later(self, answers: Awaitable[Answers]) -> None:
        later = await answers
        self._changed()
        self._answer(later)

    def _answer(self, answers: Answers) -> None:
        for answer in answers:
            self.queue(msgspec.json.encode(answer).decode())
