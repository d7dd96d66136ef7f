"""WebSocket (RFC 6455) with wsproto over any byte stream, the same for client and server."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint_if_cancelled
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from perpmaker.errors import ConnectivityError, DeadlineError
from perpmaker.wire.frames import FrameCutter
from perpmaker.wire.handshake import Headers, shake_hands
from perpmaker.wire.pipe import LOST, Connect, reset

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""The largest message that is taken; a longer one ends the connection."""

READ_BYTES = 65536
COURTESY_S = 0.5
"""How long, at most, a peer is waited for where only politeness asks for it: its pong's way out, its last frame."""

_MESSAGES = (TextMessage, BytesMessage)

ABNORMAL = 1006
TOO_BIG = 1009


class WebSocket(Protocol):
    """An open WebSocket. Pings are answered by themselves while something waits in `receive`."""

    async def receive(self) -> str | bytes:
        """The next whole message; ConnectivityError, with code and reason, once it is closed. Safe to cancel."""

    async def send(self, message: str | bytes) -> None:
        """Send one message; ConnectivityError when it is closed."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order; closing twice is harmless."""


class WebSocketClosedError(ConnectivityError):
    """The WebSocket is closed; `code` is 1006 when it broke without a closing frame, `reason` is the peer's text."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"the WebSocket is closed: {code} {reason}".rstrip())


class WireWebSocket:
    """A `WebSocket` over a byte stream, for either role, after the opening handshake.

    One task may receive while others send. Messages of one read are parsed together and handed out without waiting.
    """

    def __init__(
        self, stream: ByteStream, role: ConnectionType, *, received: bytes = b"", max_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        self._stream = stream
        self._protocol = Connection(role)
        self._frames = FrameCutter(max_bytes)
        self._max_bytes = max_bytes
        self._messages: deque[str | bytes] = deque()
        self._parts: list[str | bytes] = []
        self._size = 0
        self._replies = b""
        self._closed: WebSocketClosedError | None = None
        self._sending = anyio.Lock(fast_acquire=True)
        self._receiving = False
        self._over = False
        self._ended = anyio.Event()
        self._released = False
        self.pongs = 0
        """How many pongs have come; they are seen while something waits in `receive`."""

        self._parse(received)

    @property
    def closed(self) -> WebSocketClosedError | None:
        """Why it is closed; None while it is open."""
        return self._closed

    async def receive(self) -> str | bytes:
        """The next whole message; WebSocketClosedError after the last one. Safe to cancel."""
        if self._replies:
            # A ping may have come with the handshake, before anybody could answer it.
            await self._reply()

        while not self._messages:
            if self._closed is not None:
                raise WebSocketClosedError(self._closed.code, self._closed.reason)

            await self._read()

        return self._messages.popleft()

    async def send(self, message: str | bytes) -> None:
        """Send one message. Cancelled while the peer does not read, it breaks the connection: half a frame is out."""
        await self._transmit(TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message))

    async def ping(self, payload: bytes = b"") -> None:
        """Send a ping of at most 125 bytes; its answer shows in `pongs`."""
        await self._transmit(Ping(payload=payload))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, wait shortly for the peer to do so, and free the stream, even when cancelled."""
        with anyio.move_on_after(COURTESY_S, shield=True):
            await self._say_goodbye(code, reason)

        self._finish(code, reason)
        await self._release()

    async def reset(self) -> None:
        """Tear the connection down without a closing frame."""
        self._finish(ABNORMAL, "reset by this side")
        self._released = True
        await reset(self._stream)

    async def _say_goodbye(self, code: int, reason: str) -> None:
        if self._closed is not None:
            return

        try:
            async with self._sending:
                await self._stream.send(self._protocol.send(CloseConnection(code=code, reason=reason)))

            while not self._ended.is_set() and not self._receiving:
                await self._read()
        except LOST:
            return

        await self._ended.wait()

    async def _release(self) -> None:
        if not self._released:
            self._released = True
            await anyio.aclose_forcefully(self._stream)

    async def _transmit(self, event: TextMessage | BytesMessage | Ping) -> None:
        await checkpoint_if_cancelled()
        async with self._sending:
            if self._closed is not None or self._protocol.state is not ConnectionState.OPEN:
                gone = self._closed or WebSocketClosedError(ABNORMAL, "closing")
                raise WebSocketClosedError(gone.code, gone.reason)

            try:
                await self._stream.send(self._protocol.send(event))
            except LOST as error:
                self._finish(ABNORMAL, "the connection broke")
                raise WebSocketClosedError(ABNORMAL, "the connection broke") from error
            except BaseException:
                # Cancelled: nobody knows how much of the frame is out, so nothing may follow it.
                self._finish(ABNORMAL, "a message was cut off")
                await self._release()
                raise

    async def _read(self) -> None:
        self._receiving = True
        try:
            data = await self._stream.receive(READ_BYTES)
        except anyio.EndOfStream:
            self._finish(ABNORMAL, "the peer ended the connection")
        except LOST:
            self._finish(ABNORMAL, "the connection broke")
        else:
            self._parse(data)
        finally:
            self._receiving = False

        if self._replies:
            await self._reply()

    async def _reply(self) -> None:
        """Send what the protocol owes (pongs, the answer to a close), whole even when the receiver is cancelled."""
        replies, self._replies = self._replies, b""
        sent = False
        with anyio.move_on_after(COURTESY_S, shield=True):
            try:
                async with self._sending:
                    await self._stream.send(replies)

                sent = True
            except LOST:
                pass

        if not sent:
            self._finish(ABNORMAL, "the peer does not take what is sent")

        if self._closed is not None:
            await self._release()

    def _parse(self, data: bytes) -> None:
        if self._closed is not None or not data:
            return

        for part in self._frames.cut(data):
            if isinstance(part, str):
                self._messages.append(part)
                continue

            self._protocol.receive_data(part)
            self._follow_protocol()

            if self._over:
                return

    def _follow_protocol(self) -> None:
        """Take what the protocol has made of the bytes that it was given."""
        for event in self._protocol.events():
            if isinstance(event, _MESSAGES):
                self._collect(event)
            elif isinstance(event, Ping):
                self._answer(event)
            elif isinstance(event, Pong):
                self.pongs += 1
            elif isinstance(event, CloseConnection):
                self._part(event)

            if self._over:
                return

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        if event.message_finished and not self._parts and len(event.data) <= self._max_bytes:
            self._messages.append(_plain(event.data))
            return

        self._parts.append(_plain(event.data))
        self._size += len(event.data)
        if self._size > self._max_bytes:
            self._parts.clear()
            self._fail(TOO_BIG, f"a message is larger than the {self._max_bytes} bytes allowed")
        elif event.message_finished:
            self._messages.append(_join(self._parts))
            self._parts = []
            self._size = 0

    def _answer(self, ping: Ping) -> None:
        if self._protocol.state is ConnectionState.OPEN:
            self._replies += self._protocol.send(ping.response())

    def _part(self, event: CloseConnection) -> None:
        """Take the peer's closing frame, or wsproto's finding that the peer breaks the protocol."""
        if self._protocol.state is ConnectionState.OPEN:
            self._fail(int(event.code), event.reason or "")
            return

        if self._protocol.state is ConnectionState.REMOTE_CLOSING:
            self._replies += self._protocol.send(event.response())

        self._finish(int(event.code), event.reason or "")

    def _fail(self, code: int, reason: str) -> None:
        if self._protocol.state is ConnectionState.OPEN:
            self._replies += self._protocol.send(CloseConnection(code=code, reason=reason[:100]))

        self._finish(code, reason)

    def _finish(self, code: int, reason: str) -> None:
        if self._closed is None:
            self._closed = WebSocketClosedError(code, reason)
            self._over = True
            self._ended.set()


def _plain(data: str | bytes | bytearray) -> str | bytes:
    return bytes(data) if isinstance(data, bytearray) else data


def _join(parts: list[str | bytes]) -> str | bytes:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)

    return b"".join(part for part in parts if isinstance(part, bytes))


@asynccontextmanager
async def open_websocket(
    connect: Connect,
    url: str,
    *,
    headers: Headers = (),
    max_bytes: int = MAX_MESSAGE_BYTES,
    deadline_s: float = 10.0,
) -> AsyncIterator[WireWebSocket]:
    """Connect to a `ws://` or `wss://` URL within `deadline_s` seconds and yield the open WebSocket.

    ConnectivityError when it cannot be reached or answers with something else, DeadlineError when it is silent,
    RateLimitedError for the statuses 429 and 418. Redirects are not followed. No
    error names more of the URL than host and port: paths of private streams are secrets.
    """
    parts = urlsplit(url)
    tls = parts.scheme == "wss"
    if parts.scheme not in ("ws", "wss") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("a WebSocket URL looks like wss://host:port/path, without a user name")

    host, port = parts.hostname, parts.port or (443 if tls else 80)
    try:
        with anyio.fail_after(deadline_s):
            stream = await connect(host, port, tls=tls)
            received = await shake_hands(stream, parts, f"{host}:{port}", headers)
    except TimeoutError as error:
        raise DeadlineError(f"{host}:{port} did not open a WebSocket within {deadline_s:g} s") from error

    socket = WireWebSocket(stream, ConnectionType.CLIENT, received=received, max_bytes=max_bytes)
    try:
        yield socket
    finally:
        await socket.close()
