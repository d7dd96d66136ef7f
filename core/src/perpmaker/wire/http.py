"""HTTP/1.1 for clients: an httpx transport with h11 over any byte stream, and clients bound to one origin.

What a caller must be able to tell after an error is whether the request may have reached the server: errors of
`NOT_SENT` were raised before its first byte was written; after any other error of httpx it may have been received
and obeyed. Nothing is ever sent twice: retrying is for those who know what a request means.
"""

from __future__ import annotations

import logging
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias, cast

import anyio
import attrs
import h11
import httpx
from anyio.abc import ByteStream

from perpmaker.errors import ConnectivityError
from perpmaker.wire.pipe import LOST, Connect, is_quiet

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


class ForeignOriginError(httpx.UnsupportedProtocol):
    """A client that is bound to one origin was asked for another; no socket was opened."""


def origin_of(url: httpx.URL) -> Origin:
    """Scheme, host and port of a URL, the port always filled in."""
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme, 0)


@attrs.define
class _Connection:
    """A stream to one origin, with h11's idea of where the conversation stands."""

    stream: ByteStream
    protocol: h11.Connection = attrs.field(factory=lambda: h11.Connection(our_role=h11.CLIENT))
    idle_since: float = 0.0

    def reusable(self) -> bool:
        done = self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE
        return done and not self.protocol.trailing_data[0]


@attrs.define
class _Call:
    """One request on its way; `sent` turns true just before its first byte is written."""

    request: httpx.Request
    max_body_bytes: int
    sent: bool = False

    async def perform(self, connection: _Connection) -> httpx.Response:
        """Send the request and read the whole answer."""
        data = await self._serialise(connection.protocol)
        self.sent = True
        try:
            await connection.stream.send(data)
            return await self._answer(connection)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(f"not an HTTP answer: {error}", request=self.request) from error
        except LOST as error:
            raise httpx.ReadError("the connection broke before the answer came", request=self.request) from error

    async def _serialise(self, protocol: h11.Connection) -> bytes:
        url = self.request.url
        try:
            parts = [
                protocol.send(
                    h11.Request(method=self.request.method, target=url.raw_path, headers=self.request.headers.raw)
                )
            ]
            body = b"".join([part async for part in cast("httpx.AsyncByteStream", self.request.stream)])
            if body:
                parts.append(protocol.send(h11.Data(data=body)))

            parts.append(protocol.send(h11.EndOfMessage()))
        except h11.LocalProtocolError:
            # h11 quotes the header that it refuses, and that may be a key: neither its text nor itself goes on.
            raise httpx.LocalProtocolError(
                "not a request that HTTP allows: look for spaces and line breaks in address and headers",
                request=self.request,
            ) from None

        return b"".join(part for part in parts if part)

    async def _answer(self, connection: _Connection) -> httpx.Response:
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
                return self._response(head, b"".join(body))
            elif not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("the server ended the connection without an answer")

    def _response(self, head: h11.Response, body: bytes) -> httpx.Response:
        headers = list(head.headers.raw_items())
        response = httpx.Response(
            head.status_code,
            headers=headers,
            stream=httpx.ByteStream(body),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding == "gzip" and body:
            self._check_inflated(body)
        elif encoding not in ("identity", "gzip", ""):
            # httpx would inflate others too, without a limit.
            raise httpx.RemoteProtocolError("the body is encoded as was not asked for", request=self.request)

        return response

    def _check_inflated(self, body: bytes) -> None:
        # httpx inflates without a limit: a few kilobytes can stand for gigabytes.
        inflater = zlib.decompressobj(wbits=31)
        size = 0
        while body and not inflater.eof:
            try:
                size += len(inflater.decompress(body, READ_BYTES))
            except zlib.error as error:
                raise httpx.RemoteProtocolError("the body is not gzip", request=self.request) from error

            self._check_size(size)
            body = inflater.unconsumed_tail

    def _check_size(self, size: int) -> None:
        if size > self.max_body_bytes:
            raise httpx.RemoteProtocolError(
                f"the answer is larger than the {self.max_body_bytes} bytes allowed", request=self.request
            )


async def _receive(stream: ByteStream) -> bytes:
    try:
        return await stream.receive(READ_BYTES)
    except anyio.EndOfStream:
        return b""


class WireTransport(httpx.AsyncBaseTransport):
    """An httpx transport over `connect`: connections are kept warm per origin, requests are never sent twice.

    The deadline is for the whole call, from waiting for a connection to the last byte of the body: the `read` timeout
    of the request where there is one, otherwise `deadline_s` seconds. With `origin` anything else is refused.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        deadline_s: float = 10.0,
        max_body_bytes: int = 16 * 1024 * 1024,
        max_connections: int = 16,
        idle_s: float = 30.0,
        origin: Origin | None = None,
    ) -> None:
        self._connect = connect
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._idle_s = idle_s
        self._origin = origin
        self._free = anyio.Semaphore(max_connections, fast_acquire=True)  # a free one costs no turn of the loop
        self._idle: defaultdict[Origin, list[_Connection]] = defaultdict(list)
        _silence_httpx()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its answer with the whole body read; see the module for the errors."""
        origin = self._allowed_origin(request)
        call = _Call(request, self._max_body_bytes)
        timeout = request.extensions.get("timeout", {}).get("read")
        deadline_s = self._deadline_s if timeout is None else timeout
        try:
            with anyio.fail_after(deadline_s):
                async with self._free:
                    return await self._perform(call, origin)
        except TimeoutError as error:
            kind = httpx.ReadTimeout if call.sent else httpx.ConnectTimeout
            raise kind(f"no complete answer within {deadline_s:g} s", request=request) from error

    def _allowed_origin(self, request: httpx.Request) -> Origin:
        origin = origin_of(request.url)
        if self._origin is not None and origin != self._origin:
            raise ForeignOriginError(
                f"this client speaks only to {'{}://{}:{}'.format(*self._origin)}, "
                f"not to {'{}://{}:{}'.format(*origin)}",
                request=request,
            )

        if origin[0] not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"{origin[0]!r} is not http or https", request=request)

        return origin

    async def _perform(self, call: _Call, origin: Origin) -> httpx.Response:
        connection = await self._connection(call.request, origin)
        kept = False
        try:
            response = await call.perform(connection)
            kept = connection.reusable()
        finally:
            if not kept:
                await anyio.aclose_forcefully(connection.stream)

        if kept:
            connection.protocol.start_next_cycle()
            connection.idle_since = anyio.current_time()
            self._idle[origin].append(connection)

        return response

    async def _connection(self, request: httpx.Request, origin: Origin) -> _Connection:
        """The connection used last, if it is still whole, otherwise a new one."""
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            fresh = anyio.current_time() - connection.idle_since < self._idle_s
            if fresh and is_quiet(connection.stream):
                return connection

            await anyio.aclose_forcefully(connection.stream)

        scheme, host, port = origin
        try:
            return _Connection(await self._connect(host, port, tls=scheme == "https"))
        except ConnectivityError as error:
            raise httpx.ConnectError(str(error), request=request) from error

    async def aclose(self) -> None:
        """Close the idle connections."""
        for idle in self._idle.values():
            while idle:
                await anyio.aclose_forcefully(idle.pop().stream)


@asynccontextmanager
async def open_client(connect: Connect, base_url: str, *, deadline_s: float = 10.0) -> AsyncIterator[httpx.AsyncClient]:
    """An httpx client that speaks to one origin only, follows no redirect and reads no environment.

    Any other scheme, host or port raises ForeignOriginError before a socket opens.
    """
    transport = WireTransport(connect, deadline_s=deadline_s, origin=origin_of(httpx.URL(base_url)))
    async with httpx.AsyncClient(
        base_url=base_url,
        transport=transport,
        timeout=deadline_s,
        headers={"accept-encoding": "gzip"},
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield client


def _silence_httpx() -> None:
    """Keep whole URLs, signatures included, out of every log: httpx writes them at INFO."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
