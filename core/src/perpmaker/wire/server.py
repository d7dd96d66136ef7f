"""The server's side of the same seam: HTTP/1.1 and WebSocket over any byte stream, for sandboxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from perpmaker.wire.websocket import WebSocket


@attrs.frozen(kw_only=True)
class Request:
    """A request as it arrived: `path` and `query` are the raw bytes' text, not decoded; header names lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Response:
    """What is sent back; `content-length` is added."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)


class App(Protocol):
    """What a server serves."""

    async def respond(self, request: Request) -> Response:
        """Answer a plain request; a client that goes away does not cancel this."""

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Speak on a WebSocket that was just accepted, until either side closes it."""
