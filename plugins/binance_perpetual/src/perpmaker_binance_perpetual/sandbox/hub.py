"""All open sockets, and who hears what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from perpmaker.clock import Clock
from perpmaker.sandbox.latency import DelayLine
from perpmaker.wire.websocket import WebSocket
from perpmaker_binance_perpetual.sandbox.socket import Connection, Target


class Hub:
    """Delivers messages to the sockets that hear their stream; each message is encoded once.

    Those of market streams go through `feed`, which may keep them for a while.
    """

    def __init__(self, clock: Clock, life_s: float, feed: DelayLine) -> None:
        self._clock = clock
        self._life_s = life_s
        self._feed = feed
        self._connections: dict[Connection, None] = {}
        self._hearers: dict[str, list[Connection]] = {}

    async def converse(self, socket: WebSocket, target: Target) -> None:
        """Serve one socket until it ends."""
        connection = Connection(socket, target, self._clock, self._hearers.clear)
        self._connections[connection] = None
        self._hearers.clear()

        try:
            await connection.converse(self._life_s)
        finally:
            del self._connections[connection]
            self._hearers.clear()

    def has_hearers(self, stream: str) -> bool:
        """Whether anybody hears the stream."""
        return bool(self._hearing(stream))

    def publish(self, stream: str, data: Mapping[str, object]) -> None:
        """Deliver a message of a market stream."""
        if self._hearing(stream):
            self._feed.put(partial(self._deliver, stream, msgspec.json.encode(data).decode()))

    def _deliver(self, stream: str, payload: str) -> None:
        for connection in self._hearing(stream):
            connection.deliver(stream, payload)

    def publish_user(self, listen_key: str, data: Mapping[str, object]) -> None:
        """Deliver a user event to the sockets under the key whose allow-list has it."""
        hearing = self._hearing(listen_key)
        event = str(data["e"])

        if hearing:
            payload = msgspec.json.encode(data).decode()

            for connection in hearing:
                if connection.wants_event(event):
                    connection.deliver(listen_key, payload)

    def _hearing(self, stream: str) -> list[Connection]:
        hearing = self._hearers.get(stream)

        if hearing is None:
            hearing = [connection for connection in self._connections if connection.hears(stream)]
            self._hearers[stream] = hearing

        return hearing
