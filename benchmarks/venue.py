"""A sandbox of Binance in a process of its own, whose book swings between three places.

    python -m benchmarks.venue PORT PAUSE_MS

It swings PAUSE_MS milliseconds after it has taken what followed the swing before, and counts no requests. It says of
itself that it is at PORT, where a relay is to be, prints the port where it really is, and serves until its standard
input closes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import cycle
from typing import Any

import anyio
import attrs
from anyio.abc import ByteStream, Listener, SocketAttribute, TaskGroup

from benchmarks.relay import HOST
from perpmaker.clock import SystemClock
from perpmaker.model.order import Side
from perpmaker.sandbox.latency import AT_ONCE
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.simulation.event import OrderChanged, SimulationEvent
from perpmaker.simulation.participants import Participants
from perpmaker_binance_perpetual.sandbox import dialect

MIDDLE = 600_000
SWING = 20
LEVELS = 20
MARK_MS = 1_000
PATIENCE_MS = 2_000
"""After so long without an order the book swings all the same; longer than quotes stay off after a limit of price."""

PLENTY = 100_000_000
CEILING, FLOOR = Decimal(60_001), Decimal(59_999)
"""Between the three middles, in price: a bot with these limits has no bids at the upper and no asks at the lower."""

SWINGS = (0, SWING, -SWING)


@attrs.define
class SwingingMarket:
    """Everybody else: a book whose middle is within the limits, above and below in turn, and nobody who trades."""

    next_ms: int
    pause_ms: int
    swings: Iterator[int] = attrs.field(factory=lambda: cycle(SWINGS))
    marked_ms: int = 0

    def see(self, event: SimulationEvent) -> None:
        """An order of the bot was taken, or taken off: the next swing is due in a while."""
        if isinstance(event, OrderChanged):
            self.next_ms = event.now_ms + self.pause_ms

    def step(self, crowd: Participants) -> None:
        """Move the book to the next place."""
        middle = MIDDLE + next(self.swings)
        bids, asks = (
            [(middle - side.sign * distance, 1_000) for distance in range(1, LEVELS + 1)]
            for side in (Side.BUY, Side.SELL)
        )
        crowd.set_ladder(bids, asks)

        if self.next_ms >= self.marked_ms + MARK_MS:
            self.marked_ms = self.next_ms
            crowd.set_mark(Decimal(60_000), Decimal(60_000), Decimal("0.0001"))

        self.next_ms += max(self.pause_ms, PATIENCE_MS)


@attrs.define
class AnnouncedListener(Listener[ByteStream]):
    """A listener that gives another port as its own."""

    inner: Listener[Any]
    port: int

    async def serve(self, handler: Callable[[ByteStream], Any], task_group: TaskGroup | None = None) -> None:
        """Accept connections until cancelled."""
        await self.inner.serve(handler, task_group)

    async def aclose(self) -> None:
        """Stop accepting."""
        await self.inner.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The listener's, with the other port."""
        return {**self.inner.extra_attributes, SocketAttribute.local_address: lambda: (HOST, self.port)}


async def main(announced_port: int, pause_ms: int) -> None:
    """Serve until standard input closes."""
    clock = SystemClock()
    listener = await anyio.create_tcp_listener(local_host=HOST)
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attribute, not Django's query
    announced = AnnouncedListener(listener, announced_port)
    options = {"rhythm_ms": 1, "weight_1m": PLENTY, "orders_10s": PLENTY, "orders_1m": PLENTY}
    settings = SandboxSettings(venue="binance_perpetual", balance=Decimal(100_000), options=options, latency=AT_ONCE)
    market = SwingingMarket(next_ms=clock.utc_ms(), pause_ms=pause_ms)

    async with open_sandbox(dialect(), settings, clock=clock, listener=announced, market=market) as sandbox:
        sandbox.exchange.subscribe(market.see)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await anyio.wait_readable(sys.stdin.fileno())


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), int(sys.argv[2]))
