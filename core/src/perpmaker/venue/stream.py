"""A venue's stream as its dialect describes it, and its opening: connect, authenticate, subscribe, translate."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Generic

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import EventReceiver
from perpmaker.connector.tape import Tape
from perpmaker.errors import AuthenticationError, DeadlineError, PayloadError, RefusedError
from perpmaker.model.event import Channel
from perpmaker.venue.receiver import (
    Chore,
    Item,
    Message,
    Messages,
    RecurringChore,
    StreamEndedError,
    Translate,
    TranslatingReceiver,
)
from perpmaker.venue.reconnect_overlap import open_overlapping
from perpmaker.venue.taped import open_taped
from perpmaker.venue.tolerance import Tolerance
from perpmaker.wire.pipe import Connect
from perpmaker.wire.websocket import open_websocket


@attrs.frozen(kw_only=True)
class StreamRequest:
    """A message to the venue that it answers: an authentication, or the subscription of one topic."""

    name: str
    """What its answer is recognised by."""

    message: Message = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class StreamReply:
    """The venue's answer to the request of that name; `refusal` is its text where the answer is no."""

    name: str
    refusal: str = ""


def _no_reply(_: Message) -> StreamReply | None:
    return None


@attrs.frozen(kw_only=True)
class Translation(Generic[Item]):
    """What a dialect does with the messages of one stream while it is open; see `TranslatingReceiver`."""

    translate: Translate[Item]
    chores: Sequence[Chore[Item]] = ()


@attrs.frozen(kw_only=True)
class StreamSpec(Generic[Item]):
    """One stream of a venue, in the words of its dialect.

    Args:
        name: whose stream it is, as errors begin: "Ore Exchange's stream".
        url: the address, or what asks for that of each connection; it may be a secret, and no error names its path.
        begin: begins the translation when the stream is opened. It goes on over all connections.
        authenticate: makes the request to be answered before anything else is sent. It is made for each connection.
        subscribe: requests, all sent at once. A topic that the venue may refuse alone is a request of its own.
        read_reply: which request a message answers; None where it answers none. Each answer is translated too, because
            it may carry the first data.
        reply_s: seconds within which authentication and subscriptions have to be answered.
        heartbeat: a message, and after how many seconds it is sent again; None where the venue asks for none.
        life_s: seconds after which the next connection is opened; see `open_overlapping`.
        renewal: messages that have the venue tell everything from the beginning, for a recording that begins anew. A
            `SnapshotChore` is run then without them. Where a stream of the book has neither, it is connected anew.
        most_malformed: unreadable messages allowed within `malformed_within_s` seconds; see `Tolerance`.
    """

    name: str
    url: str | Callable[[], Awaitable[str]]
    begin: Callable[[Messages], Translation[Item]]
    authenticate: Callable[[], StreamRequest] | None = None
    subscribe: Sequence[StreamRequest] = ()
    read_reply: Callable[[Message], StreamReply | None] = _no_reply
    reply_s: float = 10.0
    heartbeat: tuple[Message, float] | None = None
    life_s: float = math.inf
    renewal: Sequence[Message] = ()
    most_malformed: int = 5
    malformed_within_s: float = 10.0


@attrs.frozen(kw_only=True)
class StreamFeed:
    """A `Feed` of a connector: the channels that the stream keeps alive, and after how much silence it is dead.

    `stall_s` are seconds, or None where silence means nothing. `opener` connects and subscribes.
    """

    channels: frozenset[Channel]
    stall_s: float | None
    opener: Callable[[], AbstractAsyncContextManager[EventReceiver]]

    def open(self) -> AbstractAsyncContextManager[EventReceiver]:
        """Connect and subscribe; what arrives after that is received."""
        return self.opener()


@asynccontextmanager
async def open_stream(
    spec: StreamSpec[Item], connect: Connect, clock: Clock, *, tape: Tape | None = None, has_book: bool = False
) -> AsyncIterator[TranslatingReceiver[Item]]:
    """Open a stream: connect, authenticate, subscribe, and begin its translation; `tape` records it.

    `has_book`: whether the book comes by it.

    Raises:
        ConnectivityError: the venue cannot be reached, or closes the connection.
        DeadlineError: the venue does not answer a request in time.
        AuthenticationError: the venue refuses the authentication.
        RefusedError: the venue refuses a subscription; the text names it.
    """
    async with open_overlapping(lambda: _open_connection(spec, connect), clock, life_s=spec.life_s) as messages:
        if tape is None:
            yield begin_receiving(spec, messages, clock)
            return

        async with open_taped(messages, tape) as taped:
            receiver = begin_receiving(spec, taped, clock)
            taped.renew = partial(_renew, spec, messages, receiver, has_book=has_book)

            yield receiver


async def _renew(
    spec: StreamSpec[Item], messages: Messages, receiver: TranslatingReceiver[Item], *, has_book: bool
) -> None:
    """Have the venue tell everything from the beginning; StreamEndedError where it does that with a connection only."""
    for message in spec.renewal:
        await messages.send(message)

    if not receiver.renew() and not spec.renewal and has_book:
        raise StreamEndedError("connected anew for the next file of the recording")


def begin_receiving(spec: StreamSpec[Item], messages: Messages, clock: Clock) -> TranslatingReceiver[Item]:
    """Begin the translation of a stream whose connection is open and subscribed."""
    translation = spec.begin(messages)
    chores = list(translation.chores)

    if spec.heartbeat is not None:
        message, every_s = spec.heartbeat
        # Half a message would break the connection, so it is not given up; one that is closed ends what receives.
        heartbeat = RecurringChore(
            partial(messages.send, message), clock, every_s=every_s, retry_s=every_s, patience_s=math.inf
        )
        chores.append(heartbeat)

    tolerance = Tolerance(clock, most=spec.most_malformed, within_s=spec.malformed_within_s, stream=spec.name)

    return TranslatingReceiver(messages, translation.translate, clock, tolerance=tolerance, chores=chores)


@asynccontextmanager
async def _open_connection(spec: StreamSpec[Item], connect: Connect) -> AsyncIterator[Messages]:
    url = spec.url if isinstance(spec.url, str) else await spec.url()

    async with open_websocket(connect, url) as socket:
        if spec.authenticate is None and not spec.subscribe:
            yield socket
        else:
            yield _Subscribed(socket, await _subscribe(socket, spec))


async def _subscribe(socket: Messages, spec: StreamSpec[Item]) -> deque[Message]:
    """Authenticate, then subscribe; return what came meanwhile, the answers among it."""
    came: deque[Message] = deque()

    try:
        with anyio.fail_after(spec.reply_s):
            if spec.authenticate is not None:
                refused = await _request(socket, (spec.authenticate(),), spec, came)

                if refused is not None:
                    raise AuthenticationError(f"{spec.name} refuses the authentication: {refused.refusal}")

            refused = await _request(socket, spec.subscribe, spec, came)
    except TimeoutError as error:
        raise DeadlineError(f"{spec.name} did not answer a request within {spec.reply_s:g} s") from error

    if refused is not None:
        raise RefusedError(f"{spec.name} refuses {refused.name}: {refused.refusal}")

    return came


async def _request(
    socket: Messages, requests: Sequence[StreamRequest], spec: StreamSpec[Item], came: deque[Message]
) -> StreamReply | None:
    """Send requests and wait until all are answered; return the first answer that is no."""
    for request in requests:
        await socket.send(request.message)

    waiting = {request.name for request in requests}

    while waiting:
        message = await socket.receive()
        came.append(message)

        try:
            reply = spec.read_reply(message)
        except PayloadError:
            continue  # the translation meets it again, and counts it

        if reply is not None and reply.name in waiting:
            waiting.remove(reply.name)

            if reply.refusal:
                return reply

    return None


@attrs.frozen
class _Subscribed:
    """A connection behind its subscriptions: first what came with their answers, then what comes."""

    messages: Messages
    came: deque[Message]

    async def receive(self) -> Message:
        """Return the next message; see `Messages`."""
        return self.came.popleft() if self.came else await self.messages.receive()

    async def send(self, message: Message) -> None:
        """Send one message; see `Messages`."""
        await self.messages.send(message)
