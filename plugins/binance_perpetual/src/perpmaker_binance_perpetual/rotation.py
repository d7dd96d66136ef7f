"""A stream that outlives its connections: before the venue closes one after a day, the next is open beside it.

Source: Binance USDⓈ-M futures, "Websocket Market Streams": no connection lives longer than 24 hours. For a moment
both bring the same; what the next one brought is received after that, so that nothing is missed and some of it comes
twice. Whoever receives has to know repetitions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Protocol, TypeAlias

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError, PayloadError, VenueError
from perpmaker.wire.websocket import WebSocket

LIFE_S = 23 * 3600.0
OVERLAP_S = 1.0
AGAIN_S = 60.0
"""After the next connection could not be opened; the present one has an hour left."""

_PATIENCE_S = 2.0
"""What opening the next one may take: messages wait in the present one meanwhile."""

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[WebSocket]]


class Messages(Protocol):
    """Where messages come from."""

    async def receive(self) -> str | bytes:
        """The next whole message; ConnectivityError when there will be none. Safe to cancel."""


@attrs.frozen
class _Connection:
    socket: WebSocket
    stack: AsyncExitStack


class Rotation:
    """Messages of one stream, over one connection after the other."""

    def __init__(self, present: _Connection, opener: Opener, clock: Clock) -> None:
        self._present = present
        self._next: _Connection | None = None
        self._opener = opener
        self._clock = clock
        self._renew_at = clock.now() + LIFE_S
        self._leave_at = 0.0

    async def receive(self) -> str | bytes:
        """The next message; ConnectivityError when a connection ends before its time. Safe to cancel.

        The time is looked at when a message is asked for: on a silent stream that has to be now and then.
        """
        while True:
            if self._clock.now() >= self._renew_at:
                await self._renew()

            if self._next is None:
                return await self._present.socket.receive()

            with anyio.move_on_after(self._leave_at - self._clock.now()), suppress(ConnectivityError):
                return await self._present.socket.receive()

            await self._switch(self._next)

    async def close(self) -> None:
        """Leave every connection."""
        async with self._present.stack:
            if self._next is not None:
                await self._next.stack.aclose()

    async def _renew(self) -> None:
        """Open the next connection; where that fails the present one serves on, and it is tried again."""
        self._renew_at = self._clock.now() + AGAIN_S

        with anyio.move_on_after(_PATIENCE_S), suppress(VenueError, PayloadError):
            self._next = await _open(self._opener)
            self._renew_at = self._clock.now() + LIFE_S
            self._leave_at = self._clock.now() + OVERLAP_S

    async def _switch(self, successor: _Connection) -> None:
        """Go on with the next connection, and with what it has brought since it was opened."""
        left, self._present, self._next = self._present, successor, None
        await left.stack.aclose()


@asynccontextmanager
async def open_rotation(opener: Opener, clock: Clock) -> AsyncIterator[Rotation]:
    """Open the first connection; `opener` opens each further one."""
    rotation = Rotation(await _open(opener), opener, clock)

    try:
        yield rotation
    finally:
        await rotation.close()


async def _open(opener: Opener) -> _Connection:
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(opener())

        return _Connection(socket, stack.pop_all())
