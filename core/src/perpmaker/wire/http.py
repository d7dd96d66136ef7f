"""httpx over the wire: a transport, clients bound to one origin, and the same for those who need no httpx.

How a request is sent, and what its errors say, is `wire.exchange`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httpx

from perpmaker.wire.exchange import NOT_SENT, Exchange, Exchanger, Incoming, Origin, Outgoing
from perpmaker.wire.pipe import Connect

__all__ = [
    "NOT_SENT",
    "ForeignOriginError",
    "WireTransport",
    "exchange_over",
    "open_client",
    "open_exchange",
    "origin_of",
    "place_of",
]

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_NOT_PASSED_ON = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class ForeignOriginError(httpx.UnsupportedProtocol):
    """A client that is bound to one origin was asked for another; no socket was opened."""


def origin_of(url: httpx.URL) -> Origin:
    """Scheme, host and port of a URL, the port always filled in."""
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme, 0)


def place_of(url: str) -> str:
    """The host and port of a URL, for people."""
    _, host, port = origin_of(httpx.URL(url))

    return f"{host}:{port}"


class WireTransport(httpx.AsyncBaseTransport):
    """An httpx transport over an exchanger. With `origin` anything else is refused.

    The deadline of a call is the `read` timeout of its request where there is one, otherwise the exchanger's.
    """

    def __init__(self, exchanger: Exchanger, *, origin: Origin | None = None) -> None:
        self._exchanger = exchanger
        self._origin = origin
        _silence_httpx()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its answer with the whole body read."""
        origin = self._allowed_origin(request)
        body = b"".join([part async for part in cast("httpx.AsyncByteStream", request.stream)])
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in _FRAMING]
        outgoing = Outgoing(method=request.method, target=request.url.raw_path, headers=headers, body=body)
        deadline_s = request.extensions.get("timeout", {}).get("read")
        try:
            answer = await self._exchanger.exchange(origin, outgoing, deadline_s=deadline_s)
        except httpx.RequestError as error:
            error.request = request
            raise

        passed_on = [(name, value) for name, value in answer.headers.items() if name not in _NOT_PASSED_ON]

        return httpx.Response(answer.status, headers=passed_on, stream=httpx.ByteStream(answer.body))

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

    async def aclose(self) -> None:
        """Close the idle connections."""
        await self._exchanger.aclose()


@asynccontextmanager
async def open_client(connect: Connect, base_url: str, *, deadline_s: float = 10.0) -> AsyncIterator[httpx.AsyncClient]:
    """An httpx client that speaks to one origin only, follows no redirect and reads no environment.

    Any other scheme, host or port raises ForeignOriginError before a socket opens.
    """
    transport = WireTransport(Exchanger(connect, deadline_s=deadline_s), origin=origin_of(httpx.URL(base_url)))
    async with httpx.AsyncClient(
        base_url=base_url,
        transport=transport,
        timeout=deadline_s,
        headers={"accept-encoding": "gzip"},
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield client


@asynccontextmanager
async def open_exchange(connect: Connect, base_url: str, *, deadline_s: float = 10.0) -> AsyncIterator[Exchange]:
    """The same without httpx's requests in between: what orders go out by."""
    exchanger = Exchanger(connect, deadline_s=deadline_s)
    try:
        url = httpx.URL(base_url)
        yield exchanger.bound(origin_of(url), url.netloc)
    finally:
        await exchanger.aclose()


def exchange_over(client: httpx.AsyncClient) -> Exchange:
    """An exchange with a client's base URL by way of that client: for respx, and for transports of other people."""

    async def exchange(request: Outgoing) -> Incoming:
        url = client.base_url.copy_with(raw_path=request.target)
        built = client.build_request(request.method, url, headers=list(request.headers), content=request.body or None)
        if built.url.raw_path != request.target:
            raise httpx.UnsupportedProtocol("httpx would send another target than was asked for", request=built)

        response = await client.send(built)

        return Incoming(status=response.status_code, headers=response.headers, body=response.content)

    return exchange


def _silence_httpx() -> None:
    """Keep whole URLs, signatures included, out of every log: httpx writes them at INFO."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
