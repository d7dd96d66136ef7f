"""A sandbox of Binance in a process of its own that notes how soon an order follows a change of the book.

    python -m benchmarks.venue

Prints the sandbox's line, serves until its standard input closes, and prints what it noted: for each change of the
book that an order followed, the seconds from handing the change to the socket until the order's bytes were read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from time import perf_counter
from typing import Any

import anyio
import attrs
import msgspec
from anyio.abc import ByteStream, Listener, TaskGroup

from perpmaker.clock import SystemClock
from perpmaker.model.order import Side
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.simulation.crowd import Crowd
from perpmaker_binance_perpetual.sandbox import dialect

MIDDLE = 600_000
SWING = 20
LEVELS = 20
STEP_MS = 100
MARK_MS = 1_000
CEILING = Decimal(60_001)
"""Between the two middles, in price: above it a bot with this price_ceiling withdraws its buy quotes."""


@attrs.define
class SwingingMarket:
    """Everybody else: a book whose middle is low and high in turn, and nobody who trades."""

    next_ms: int
    high: bool = False

    def step(self, crowd: Crowd) -> None:
        """Move the book to the other place."""
        middle = MIDDLE + (SWING if self.high else 0)
        self.high = not self.high
        bids, asks = (
            [(middle - side.sign * distance, 1_000) for distance in range(1, LEVELS + 1)]
            for side in (Side.BUY, Side.SELL)
        )
        crowd.set_ladder(bids, asks)

        if self.next_ms % MARK_MS < STEP_MS:
            crowd.set_mark(Decimal(60_000), Decimal(60_000), Decimal("0.0001"))

        self.next_ms += STEP_MS


@attrs.define
class Stopwatch:
    """Pairs each change of the book with the first order that follows it."""

    changed_at: float | None = None
    times: list[float] = attrs.field(factory=list)

    def sends(self, data: bytes) -> None:
        """Bytes are about to be handed to a client's socket."""
        if b'"depthUpdate"' in data:
            self.changed_at = perf_counter()

    def read(self, data: bytes) -> None:
        """Bytes of a client were read."""
        if self.changed_at is not None and (b" /fapi/v1/order?" in data or b" /fapi/v1/batchOrders?" in data):
            self.times.append(perf_counter() - self.changed_at)
            self.changed_at = None


@attrs.define
class WatchedStream(ByteStream):
    """A connection whose bytes the stopwatch sees."""

    inner: ByteStream
    watch: Stopwatch

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Read what the client sent."""
        data = await self.inner.receive(max_bytes)
        self.watch.read(data)

        return data

    async def send(self, item: bytes) -> None:
        """Hand bytes to the socket."""
        self.watch.sends(item)
        await self.inner.send(item)

    async def send_eof(self) -> None:
        """Say that no more will be sent."""
        await self.inner.send_eof()

    async def aclose(self) -> None:
        """Close the connection."""
        await self.inner.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of the connection."""
        return self.inner.extra_attributes


@attrs.define
class WatchedListener(Listener[ByteStream]):
    """Accepts connections that the stopwatch sees."""

    inner: Listener[Any]
    watch: Stopwatch

    async def serve(self, handler: Callable[[ByteStream], Any], task_group: TaskGroup | None = None) -> None:
        """Accept connections until cancelled."""

        async def watched(stream: ByteStream) -> None:
            await handler(WatchedStream(stream, self.watch))

        await self.inner.serve(watched, task_group)

    async def aclose(self) -> None:
        """Stop accepting."""
        await self.inner.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of the listener."""
        return self.inner.extra_attributes


async def main() -> None:
    """Serve until standard input closes."""
    clock, watch = SystemClock(), Stopwatch()
    listener = WatchedListener(await anyio.create_tcp_listener(local_host="127.0.0.1"), watch)
    settings = SandboxSettings(venue="binance_perpetual", balance=Decimal(100_000))
    market = SwingingMarket(next_ms=clock.utc_ms())

    async with open_sandbox(dialect(), settings, clock=clock, listener=listener, market=market) as sandbox:
        _say(attrs.asdict(sandbox.line))

        while True:
            await anyio.wait_readable(sys.stdin.fileno())

            if not os.read(sys.stdin.fileno(), 4096):
                break

        _say(watch.times)


def _say(what: object) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(main)
