"""A start asks the venue for little before its first order."""

from __future__ import annotations

from pathlib import Path

import anyio
import attrs
from anyio.abc import ByteStream

from perpmaker.testing.session import open_stage
from perpmaker.testing.virtual import virtual_backend

FILE = Path(__file__).parents[1] / "practice.toml"
MOST = 14
"""Rules (4), clock, listen key, the account once its stream is there (5), settings, dead-man switch, book."""

_METHODS = (b"GET ", b"POST ", b"PUT ", b"DELETE ")


@attrs.define
class Counted(ByteStream):
    """A connection that notes each request sent over it, but for the openings of WebSockets."""

    _inner: ByteStream
    _noted: list[bytes]

    async def send(self, item: bytes) -> None:
        """Send, and note a request."""
        if item.startswith(_METHODS) and b"Upgrade: websocket" not in item:
            self._noted.append(item.partition(b" HTTP")[0])

        await self._inner.send(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive."""
        return await self._inner.receive(max_bytes)

    async def send_eof(self) -> None:
        """End the sending direction."""
        await self._inner.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()


def test_a_start_asks_for_nothing_twice_that_it_knows() -> None:
    """Where the account is set as it should be already; its account is read once, behind its stream."""
    noted: list[bytes] = []

    async def scenario() -> None:
        async with open_stage(FILE, "leverage=20", seed=1) as stage:

            async def connect(host: str, port: int, *, tls: bool) -> ByteStream:
                return Counted(await stage.network.connect(host, port, tls=tls), noted)

            async with attrs.evolve(stage, connect=connect).open_bot() as session:
                await session.run(3)

    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)
    first_order = next(at for at, request in enumerate(noted) if request.startswith(b"POST /fapi/v1/batchOrders"))

    assert first_order <= MOST, [request.partition(b"?")[0].decode() for request in noted[:first_order]]
