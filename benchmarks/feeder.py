"""Serves depth differences over WebSockets in a process of its own, each connection at its own steady pace.

    python -m benchmarks.feeder

Prints the port and serves until its standard input closes.
"""

from __future__ import annotations

import os
import sys
from itertools import count

import anyio
import attrs
from anyio.abc import SocketAttribute

from benchmarks.depth import synthetic
from perpmaker.wire.server import Request, Response, serve
from perpmaker.wire.websocket import WebSocket

RATE = 100
LEVELS = 10
MESSAGES = 4_000
"""Enough for forty seconds; after that a connection is silent."""


@attrs.frozen
class FeederApp:
    """Sends every client the same differences, from the first one on."""

    updates: list[str]

    async def respond(self, request: Request) -> Response:
        """There is nothing to ask for."""
        return Response(status=404, body=request.path.encode())

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """Send `RATE` messages a second, in time whatever a single one takes."""
        began = anyio.current_time()

        for number in count():
            await anyio.sleep_until(began + number / RATE)

            if number < len(self.updates):
                await socket.send(self.updates[number])


async def main() -> None:
    """Serve until standard input closes."""
    app = FeederApp([update.decode() for update in synthetic(MESSAGES, levels=LEVELS).updates])
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attribute, not Django's query

    async with listener, anyio.create_task_group() as group:
        group.start_soon(serve, listener, app)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await anyio.wait_readable(sys.stdin.fileno())
        os.read(sys.stdin.fileno(), 1)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main)
