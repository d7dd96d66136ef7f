from __future__ import annotations

import anyio
import pytest

from perpmaker.errors import ConnectivityError
from perpmaker_price_sources.binance.sandbox.listener import Listener

pytestmark = pytest.mark.anyio


class Leaving:
    """A socket whose client has gone, and whose closing takes a while."""

    def __init__(self) -> None:
        self.closing = anyio.Event()
        self.closed = anyio.Event()

    async def receive(self) -> str | bytes:
        """Nobody is there any more."""
        raise ConnectivityError("gone")

    async def send(self, message: str | bytes) -> None:
        """Nobody hears it."""
        del message
        raise ConnectivityError("gone")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye until told that it is over."""
        del code, reason
        self.closing.set()
        await self.closed.wait()


async def test_what_is_published_while_a_socket_closes_ends_nobody() -> None:
    """The sandbox goes on for the others when one of them is just leaving."""
    socket = Leaving()
    listener = Listener(socket, frozenset({"btcusdt@trade"}))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            await socket.closing.wait()
            listener.deliver("news")
            socket.closed.set()
