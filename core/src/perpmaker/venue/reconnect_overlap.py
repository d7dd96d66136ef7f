"""A stream that outlives its connections: before one ends by the venue's rule, the next is open beside it.

For a moment both bring the same. What the next connection brought is received after what the present one brought, so
nothing is missed and some of it comes twice. Whoever translates has to recognise repetitions.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import TypeAlias

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError, PayloadError, VenueError
from perpmaker.venue.receiver import Message, Messages

OVERLAP_S = 1.0
"""Seconds for which both connections are open."""

RENEWAL_RETRY_S = 60.0
"""Seconds after which the next connection is tried again; the present one serves on."""

_OPENING_S = 2.0
"""Seconds that opening the next connection may take: messages wait in the present one meanwhile."""

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[Messages]]


@attrs.frozen
class _Connection:
    messages: Messages
    stack: AsyncExitStack


class OverlappingConnections:
    """Messages of one stream, over one connection after the other."""

    def __init__(self, present: _Connection, opener: Opener, clock: Clock, life_s: float) -> None:
        self._present = present
        self._next: _Connection | None = None
        self._opener = opener
        self._clock = clock
        self._life_s = life_s
        self._renew_at = clock.now() + life_s
        self._leave_at = math.inf

    async def receive(self) -> Message:
        """Return the next message; ConnectivityError when a connection ends before its time. Safe to cancel.

        The time is looked at when a message is asked for. On a silent stream somebody has to ask now and then.
        """
        while True:
            if self._clock.now() >= self._renew_at:
                await self._renew()

            if self._next is None:
                return await self._present.messages.receive()

            with anyio.move_on_after(self._leave_at - self._clock.now()), suppress(ConnectivityError):
                return await self._present.messages.receive()

            await self._switch(self._next)

    async def send(self, message: Message) -> None:
        """Send one message over the present connection."""
        await self._present.messages.send(message)

    async def close(self) -> None:
        """Leave every connection."""
        async with self._present.stack:
            if self._next is not None:
                await self._next.stack.aclose()

    async def _renew(self) -> None:
        """Open the next connection; where that fails the present one serves on, and it is tried again."""
        self._renew_at = self._clock.now() + RENEWAL_RETRY_S

        with anyio.move_on_after(_OPENING_S), suppress(VenueError, PayloadError):
            self._next = await _open(self._opener)
            self._renew_at = self._clock.now() + self._life_s
            self._leave_at = self._clock.now() + OVERLAP_S

    async def _switch(self, successor: _Connection) -> None:
        """Go on with the next connection, and with what it has brought since it was opened."""
        left, self._present, self._next = self._present, successor, None
        await left.stack.aclose()


@asynccontextmanager
async def open_overlapping(opener: Opener, clock: Clock, *, life_s: float) -> AsyncIterator[OverlappingConnections]:
    """Open the first connection; each further one is opened `life_s` seconds after the one before it.

    Args:
        opener: opens a connection, ready to bring messages.
        clock: the engine's clock.
        life_s: seconds, less than the venue lets a connection live by more than a few `RENEWAL_RETRY_S`; `math.inf`
            where the venue sets no end.
    """
    connections = OverlappingConnections(await _open(opener), opener, clock, life_s)

    try:
        yield connections
    finally:
        await connections.close()


async def _open(opener: Opener) -> _Connection:
    async with AsyncExitStack() as stack:
        messages = await stack.enter_async_context(opener())

        return _Connection(messages, stack.pop_all())
