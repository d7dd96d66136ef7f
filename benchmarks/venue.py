"""A sandbox of Binance in a process of its own, whose book goes down a staircase, again and again.

    python -m benchmarks.venue PORT PAUSE_MS

It moves PAUSE_MS milliseconds after it has taken what followed the move before, and counts no requests. It says of
itself that it is at PORT, where a relay is to be, prints the port where it really is, and serves until its standard
input closes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import anyio
import attrs
from anyio.abc import ByteStream, Listener, SocketAttribute, TaskGroup

from benchmarks.relay import HOST
from perpmaker.clock import SystemClock
from perpmaker.model.order import Side
from perpmaker.sandbox.latency import AT_ONCE
from perpmaker.sandbox.server import ACCOUNT, SandboxSettings, open_sandbox
from perpmaker.simulation.event import OrderChanged, SimulationEvent
from perpmaker.simulation.participants import Participants
from perpmaker_binance_perpetual.sandbox import dialect

MIDDLE = 600_000
STEPS, STEP = 5, 600
NEAR = 180
"""So far above a whole step: the next bid is then nearer than the minimum spread, and the others still far away."""

LEVELS = 20
ALIVE_MS = 500
PLENTY = 100_000_000
MIDDLES = (MIDDLE, *(MIDDLE - STEP * number + NEAR for number in range(1, STEPS + 1)))


@attrs.define
class FallingMarket:
    """Everybody else: a book that comes near one bid of the bot's after the other, and then back; nobody trades."""

    next_ms: int
    pause_ms: int
    bids: Callable[[], int] = lambda: 0
    """How many bids of the bot's rest."""

    place: int = 0
    lots: int = 1_000

    def see(self, event: SimulationEvent) -> None:
        """An order of the bot has changed: whether the next move is due is looked at in a while."""
        if isinstance(event, OrderChanged):
            self.next_ms = min(self.next_ms, event.now_ms + self.pause_ms)

    def step(self, crowd: Participants) -> None:
        """Move the book to the next place once the bot has followed to this one; say that it is alive otherwise."""
        if self.bids() == STEPS - self.place:
            self.place = (self.place + 1) % len(MIDDLES)

        middle, self.lots = MIDDLES[self.place], 2_001 - self.lots
        bids, asks = (
            [(middle - side.sign * distance, self.lots) for distance in range(1, LEVELS + 1)]
            for side in (Side.BUY, Side.SELL)
        )
        crowd.set_ladder(bids, asks)
        crowd.set_mark(Decimal(60_000), Decimal(60_000), Decimal("0.0001"))
        self.next_ms += ALIVE_MS


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
    market = FallingMarket(next_ms=clock.utc_ms(), pause_ms=pause_ms)

    async with open_sandbox(dialect(), settings, clock=clock, listener=announced, market=market) as sandbox:
        exchange = sandbox.exchange
        market.bids = lambda: sum(order.side is Side.BUY for order in exchange.open_orders(ACCOUNT))
        exchange.subscribe(market.see)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await anyio.wait_readable(sys.stdin.fileno())


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), int(sys.argv[2]))
