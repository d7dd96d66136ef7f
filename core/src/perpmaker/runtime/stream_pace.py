"""Plugins that never wait: one that always has something to say must not keep everybody else from being heard."""

from __future__ import annotations

import anyio
import anyio.lowlevel

EVERY = 16
"""After so many answers of a stream everybody else has a turn, whether or not the stream has waited meanwhile."""

MOST = 1024
FLOOD_S = 0.01
"""A stream that brings `MOST` messages within less than `FLOOD_S` comes from no network: it has to wait for as long."""

LEAST_S = 0.001
"""The least time between two prices of one source, once `BURST` of them came faster."""

BURST = 32


class StreamPace:
    """Gives everybody else a turn between the messages of one stream."""

    __slots__ = ("_count", "_since")

    def __init__(self) -> None:
        self._count = 0
        self._since = anyio.current_time()

    def is_due(self) -> bool:
        """A message was passed on: whether it is time for `turn`."""
        self._count += 1

        return self._count % EVERY == 0

    async def turn(self) -> None:
        """Give everybody else a turn."""
        if self._count < MOST:
            await anyio.lowlevel.checkpoint()
            return

        now = anyio.current_time()
        await anyio.sleep(FLOOD_S if now - self._since < FLOOD_S else 0)
        self._count, self._since = 0, anyio.current_time()


class PricePace:
    """Keeps the prices of one source apart: a few may come at once, what waited on the way, and then one a moment."""

    __slots__ = ("_fast", "_last_at")

    def __init__(self) -> None:
        self._fast = 0
        self._last_at = anyio.current_time() - 2 * LEAST_S

    async def keep(self) -> None:
        """The next price is about to be asked for."""
        early_s = self._last_at + LEAST_S - anyio.current_time()
        self._fast = self._fast + 1 if early_s > 0 else 0

        await anyio.sleep(early_s if self._fast > BURST else 0)

        self._last_at = anyio.current_time()
