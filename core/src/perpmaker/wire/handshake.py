"""The opening handshake of a WebSocket (RFC 6455, section 4) with h11, for both roles."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import SplitResult

import anyio
import h11
from anyio.abc import ByteStream
from wsproto.utilities import generate_accept_token, generate_nonce

from perpmaker.errors import ConnectivityError, RateLimitedError
from perpmaker.wire.pipe import LOST
from perpmaker.wire.rate_limit import parse_retry_after

Headers: TypeAlias = Sequence[tuple[str, str]]

READ_BYTES = 65536
QUOTED_BYTES = 4096
"""How much of a refusal's body is read."""

_TOO_MUCH = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT})
"""What a server asks to come back later with; venues say 418 to who did not keep still after a 429."""


async def shake_hands(stream: ByteStream, url: SplitResult, place: str, headers: Headers) -> bytes:
    """Do the client's part; the bytes that already came after it. The stream is closed when it fails.

    `place` names the server in errors. RateLimitedError for 429 and 418, else ConnectivityError:
    whatever the status is, a proxy may have answered, and a server says by its own protocol what it refuses for good.
    """
    nonce = generate_nonce()
    protocol = h11.Connection(our_role=h11.CLIENT)
    upgrade = h11.Request(
        method="GET",
        target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        headers=[
            ("Host", url.netloc),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", nonce.decode("ascii")),
            ("Sec-WebSocket-Version", "13"),
            *headers,
        ],
    )
    try:
        await stream.send(protocol.send(upgrade) or b"")
        answer, body = await _read_answer(stream, protocol)
        _check_answer(answer, body, nonce, place)
    except (h11.RemoteProtocolError, anyio.EndOfStream, *LOST) as error:
        await anyio.aclose_forcefully(stream)
        raise ConnectivityError(f"{place} ended the connection instead of opening a WebSocket") from error
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise

    return protocol.trailing_data[0]


async def _read_answer(
    stream: ByteStream, protocol: h11.Connection
) -> tuple[h11.Response | h11.InformationalResponse, bytes]:
    """The answer to the upgrade; of a refusal's body at most a few kilobytes."""
    refusal: h11.Response | None = None
    body = b""
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await stream.receive(READ_BYTES))
        elif isinstance(event, h11.InformationalResponse) and event.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            return event, b""
        elif isinstance(event, h11.Response):
            refusal = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)

        if refusal is not None and (isinstance(event, h11.EndOfMessage) or len(body) > QUOTED_BYTES):
            return refusal, body[:QUOTED_BYTES]


def _check_answer(answer: h11.Response | h11.InformationalResponse, body: bytes, nonce: bytes, place: str) -> None:
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in answer.headers}
    status = answer.status_code
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        if headers.get("sec-websocket-accept", "").encode() != generate_accept_token(nonce):
            raise ConnectivityError(f"{place} answered the WebSocket handshake of somebody else; check for a proxy")

        return

    said = body.decode("utf-8", "replace").strip()[:200]
    text = f"{place} refused the WebSocket with status {status}: {said or 'no reason given'}"
    if status in _TOO_MUCH:
        raise RateLimitedError(
            text, status=status, retry_after_s=parse_retry_after(headers.get("retry-after"), utc_ms=None)
        )

    raise ConnectivityError(text)


def accept_headers(key: str) -> list[tuple[str, str]]:
    """The server's answer to a client's `Sec-WebSocket-Key`, as headers of its 101 response."""
    return [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", generate_accept_token(key.encode("ascii")).decode("ascii")),
    ]
