"""How long orders and market data are under way between a bot and a simulated venue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import anyio
import attrs

from perpmaker.clock import Clock

Act: TypeAlias = Callable[[], None]


@attrs.frozen(kw_only=True)
class Latency:
    """Milliseconds that things take: `order_ms` a command to the matching engine, `feed_ms` market data from there.

    With `feed_ms` 0 the data of a recording come when the recording machine received them.
    """

    order_ms: int = 5
    feed_ms: int = 0

    def __str__(self) -> str:
        """Render as `orders under way 5 ms, market data 0 ms`."""
        return f"orders under way {self.order_ms} ms, market data {self.feed_ms} ms"


AT_ONCE = Latency(order_ms=0, feed_ms=0)
"""Nothing takes any time."""


class DelayLine:
    """Does what is put into it so many milliseconds later, in the order in which it was put.

    With 0 at once.
    """

    def __init__(self, clock: Clock, delay_ms: int) -> None:
        self._clock = clock
        self._delay_s = delay_ms / 1000
        self._waiting: deque[tuple[float, Act]] = deque()
        self._news = anyio.Event()

    def put(self, act: Act) -> None:
        """Do this after the delay."""
        if not self._delay_s:
            act()
            return

        self._waiting.append((self._clock.now() + self._delay_s, act))
        self._news.set()

    async def run(self) -> None:
        """Do what is due when it is due, until cancelled."""
        while True:
            while self._waiting:
                due_at, act = self._waiting[0]
                await anyio.sleep(max(0.0, due_at - self._clock.now()))
                self._waiting.popleft()
                act()

            self._news = anyio.Event()
            await self._news.wait()
