"""One socket that hears streams: what is delivered waits in a queue; who does not read is closed."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import anyio

from perpmaker.errors import ConnectivityError
from perpmaker.wire.websocket import WebSocket

BACKLOG: Final = 1_000
POLICY_VIOLATION: Final = 1008


class Listener:
    """A socket and the names of the streams that it hears."""

    def __init__(self, socket: WebSocket, streams: frozenset[str]) -> None:
        self.streams = streams
        self._socket = socket
        self._incoming, self._outgoing = anyio.create_memory_object_stream[str](BACKLOG)
        self._scope = anyio.CancelScope()

    def deliver(self, message: str) -> None:
        """Queue a message; a listener that is too far behind is cut off, one that is being closed hears no more."""
        try:
            self._incoming.send_nowait(message)
        except anyio.WouldBlock:
            self._scope.cancel()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            return

    async def run(self) -> None:
        """Send what is queued, and read (pings and the end), until the socket ends or is too far behind."""
        with self._incoming, self._outgoing, self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen)

                with suppress(ConnectivityError):
                    async for message in self._outgoing:
                        await self._socket.send(message)

        await self._socket.close(POLICY_VIOLATION, "too slow")

    async def _listen(self) -> None:
        # Streams are named in the address; whatever else a client says changes nothing.
        with suppress(ConnectivityError):
            while True:
                await self._socket.receive()

        self._scope.cancel()
