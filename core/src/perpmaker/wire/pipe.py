"""Byte streams: to a host over TCP or TLS, or to a listener in the same process through memory."""

from __future__ import annotations

from typing import Protocol

from anyio.abc import ByteStream


class Connect(Protocol):
    """Opens a byte stream to a host; the network is an argument everywhere."""

    async def __call__(self, host: str, port: int, *, tls: bool) -> ByteStream:
        """Connect; ConnectivityError, naming host and port, when that fails."""
