"""WebSocket (RFC 6455) with wsproto over any byte stream, the same for client and server."""

from __future__ import annotations

from typing import Protocol


class WebSocket(Protocol):
    """An open WebSocket. Pings are answered by themselves while something waits in `receive`."""

    async def receive(self) -> str | bytes:
        """The next whole message; ConnectivityError, with code and reason, once it is closed. Safe to cancel."""

    async def send(self, message: str | bytes) -> None:
        """Send one message; ConnectivityError when it is closed."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order; closing twice is harmless."""
