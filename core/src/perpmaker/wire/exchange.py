"""One HTTP/1.1 request and its whole answer: h11 over any byte stream, on connections that are kept warm.

What a caller must be able to tell after an error is whether the request may have reached the server: errors of
`NOT_SENT` were raised before its first byte was written; after any other error it may have been received and obeyed.
Nothing is ever sent twice: retrying is for those who know what a request means. The errors are httpx's, whose
transport (`wire.http`) is made of this; connectors that send orders come here directly, because building httpx's
requests takes longer than everything else on an order's way out.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import anyio
import attrs
import h11
import httpx
from anyio.abc import ByteStream

from perpmaker.errors import ConnectivityError
from perpmaker.wire.pipe import LOST, Connect, Quiet

READ_BYTES = 256 * 1024
"""What is asked of a stream at once; not less than what asyncio reads, so that nothing is left behind in between."""

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
"""Errors after which the request has certainly not been sent."""

Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


@attrs.frozen(kw_only=True)
class Outgoing:
    """A request as it goes on the wire: `target` exactly so, path and query; `headers` without the body's length."""

    method: str
    target: bytes
    headers: Headers = ()
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Incoming:
    """A whole answer: header names in lower case (of several of one name the last), the body inflated."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange(Protocol):
    """Sends a request to the one origin that it is bound to, with its Host, and returns the answer.

    See the module for the errors.
    """

    async def __call__(self, request: Outgoing) -> Incoming:
        """Send once."""


@attrs.define
class _Connection:
    """A stream to one origin, with h11's idea of where the conversation stands."""

    stream: ByteStream
    protocol: h11.Connection = attrs.field(factory=lambda: h11.Connection(our_role=h11.CLIENT))
    idle_since: float = 0.0
    quiet: Quiet = attrs.field(default=attrs.Factory(lambda self: Quiet(self.stream), takes_self=True))

    def reusable(self) -> bool:
        done = self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE
        return done and not self.protocol.trailing_data[0]


@attrs.define
class _Call:
    """One request on its way; `sent` turns true just before its first byte is written."""

    request: Outgoing
    max_body_bytes: int
    sent: bool = False

    async def perform(self, connection: _Connection) -> Incoming:
        """Send the request and read the whole answer."""
        data = self._serialise(connection.protocol)
        self.sent = True
        try:
            await connection.stream.send(data)
            return await self._answer(connection)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(f"not an HTTP answer: {error}") from error
        except LOST as error:
            raise httpx.ReadError("the connection broke before the answer came") from error

    def _serialise(self, protocol: h11.Connection) -> bytes:
        request = self.request
        headers = [*request.headers]
        if request.body or request.method not in ("GET", "DELETE"):
            headers.append((b"Content-Length", b"%d" % len(request.body)))

        try:
            head = protocol.send(h11.Request(method=request.method, target=request.target, headers=headers)) or b""
            body = protocol.send(h11.Data(data=request.body)) or b"" if request.body else b""
            end = protocol.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError:
            # h11 quotes the header that it refuses, and that may be a key: neither its text nor itself goes on.
            raise httpx.LocalProtocolError(
                "not a request that HTTP allows: look for spaces and line breaks in address and headers"
            ) from None

        return head + body + end

    async def _answer(self, connection: _Connection) -> Incoming:
        head: h11.Response | None = None
        body: list[bytes] = []
        size = 0
        while True:
            event = connection.protocol.next_event()
            if event is h11.NEED_DATA:
                connection.protocol.receive_data(await _receive(connection.stream))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
                size += len(event.data)
                self._check_size(size)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return self._incoming(head, b"".join(body))
            elif not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("the server ended the connection without an answer")

    def _incoming(self, head: h11.Response, body: bytes) -> Incoming:
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding == "gzip" and body:
            body = self._inflated(body)
        elif encoding not in ("identity", "gzip", ""):
            raise httpx.RemoteProtocolError("the body is encoded as was not asked for")

        return Incoming(status=head.status_code, headers=headers, body=body)

    def _inflated(self, body: bytes) -> bytes:
        # A few kilobytes can stand for gigabytes: it is measured while it grows.
        inflater = zlib.decompressobj(wbits=31)
        parts: list[bytes] = []
        size = 0
        while body and not inflater.eof:
            try:
                parts.append(inflater.decompress(body, READ_BYTES))
            except zlib.error as error:
                raise httpx.RemoteProtocolError("the body is not gzip") from error

            size += len(parts[-1])
            self._check_size(size)
            body = inflater.unconsumed_tail

        if not inflater.eof:
            raise httpx.RemoteProtocolError("the body is cut off")

        return b"".join(parts)

    def _check_size(self, size: int) -> None:
        if size > self.max_body_bytes:
            raise httpx.RemoteProtocolError(f"the answer is larger than the {self.max_body_bytes} bytes allowed")


async def _receive(stream: ByteStream) -> bytes:
    try:
        return await stream.receive(READ_BYTES)
    except anyio.EndOfStream:
        return b""


class Exchanger:
    """Exchanges requests and answers with any origin; connections are kept warm per origin.

    The deadline is for the whole call, from waiting for a connection to the last byte of the body.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        deadline_s: float = 10.0,
        max_body_bytes: int = 16 * 1024 * 1024,
        max_connections: int = 16,
        idle_s: float = 30.0,
    ) -> None:
        self._connect = connect
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._idle_s = idle_s
        self._free = anyio.Semaphore(max_connections, fast_acquire=True)  # a free one costs no turn of the loop
        self._idle: defaultdict[Origin, list[_Connection]] = defaultdict(list)

    async def exchange(self, origin: Origin, request: Outgoing, *, deadline_s: float | None = None) -> Incoming:
        """Send one request and return its answer with the whole body read; see the module for the errors."""
        call = _Call(request, self._max_body_bytes)
        limit_s = self._deadline_s if deadline_s is None else deadline_s
        try:
            with anyio.fail_after(limit_s):
                async with self._free:
                    return await self._perform(call, origin)
        except TimeoutError as error:
            kind = httpx.ReadTimeout if call.sent else httpx.ConnectTimeout
            raise kind(f"no complete answer within {limit_s:g} s") from error

    def bound(self, origin: Origin, host: bytes) -> Exchange:
        """The exchange with one origin alone; `host` is what its Host header says."""

        async def exchange(request: Outgoing) -> Incoming:
            headers = ((b"Host", host), *request.headers)

            return await self.exchange(origin, attrs.evolve(request, headers=headers))

        return exchange

    async def _perform(self, call: _Call, origin: Origin) -> Incoming:
        connection = await self._connection(origin)
        kept = False
        try:
            answer = await call.perform(connection)
            kept = connection.reusable()
        finally:
            if not kept:
                await anyio.aclose_forcefully(connection.stream)

        if kept:
            connection.protocol.start_next_cycle()
            connection.idle_since = anyio.current_time()
            self._idle[origin].append(connection)

        return answer

    async def _connection(self, origin: Origin) -> _Connection:
        """The connection used last, if it is still whole, otherwise a new one."""
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            fresh = anyio.current_time() - connection.idle_since < self._idle_s
            if fresh and connection.quiet():
                return connection

            await anyio.aclose_forcefully(connection.stream)

        scheme, host, port = origin
        try:
            return _Connection(await self._connect(host, port, tls=scheme == "https"))
        except ConnectivityError as error:
            raise httpx.ConnectError(str(error)) from error

    async def aclose(self) -> None:
        """Close the idle connections."""
        for idle in self._idle.values():
            while idle:
                await anyio.aclose_forcefully(idle.pop().stream)
