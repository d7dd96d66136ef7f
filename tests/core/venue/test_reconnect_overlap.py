"""A stream goes on over the days: the next connection is open before the one before it is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, RefusedError
from perpmaker.venue import open_overlapping
from perpmaker.wire.websocket import WebSocket

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Days pass in a moment."""
    return virtual_time


@attrs.define
class Broadcast:
    """A stream that says a number every `every_s` seconds, on each connection from its beginning to its end.

    A connection ends after `life_s`; the first `failing` attempts at a further one are refused.
    """

    every_s: float = 0.25
    life_s: float = 104.0
    failing: int = 0
    attempts: int = 0
    open: int = 0
    most_open: int = 0

    @property
    def said(self) -> int:
        """The newest number."""
        return int(anyio.current_time() / self.every_s)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[WebSocket]:
        """One more connection."""
        self.attempts += 1

        if 1 < self.attempts <= 1 + self.failing:
            raise RefusedError("not now")

        self.open += 1
        self.most_open = max(self.most_open, self.open)

        try:
            yield Line(self, ends_at=anyio.current_time() + self.life_s, heard=self.said)
        finally:
            self.open -= 1


@attrs.define
class Line:
    """One connection of a broadcast; what was said and not received yet waits in it."""

    broadcast: Broadcast
    ends_at: float
    heard: int

    async def receive(self) -> str:
        """The next number; ConnectivityError when the connection is at its end."""
        if self.heard >= self.broadcast.said:
            await anyio.sleep_until(min(self.ends_at, (self.broadcast.said + 1) * self.broadcast.every_s))

        if anyio.current_time() >= self.ends_at:
            raise ConnectivityError("its day is over")

        self.heard += 1

        return str(self.heard)

    async def send(self, message: str | bytes) -> None:
        """Nothing is ever sent."""
        raise AssertionError(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing to close."""


async def listen(broadcast: Broadcast, seconds: float, life_s: float = 100.0) -> list[int]:
    """What is heard in so many seconds."""
    numbers: list[int] = []

    async with open_overlapping(broadcast.connect, LoopClock(), life_s=life_s) as socket:
        with anyio.move_on_after(seconds):
            while True:
                numbers.append(int(await socket.receive()))

    return numbers


def is_whole(numbers: list[int]) -> bool:
    """Whether no number is missing."""
    return set(numbers) == set(range(numbers[0], max(numbers) + 1))


async def test_F23_nothing_is_missed_while_connections_change() -> None:
    """Every number is heard, some of them twice, on eleven connections of which never more than two are open."""
    broadcast = Broadcast()
    numbers = await listen(broadcast, 1_050)

    assert is_whole(numbers)
    assert max(numbers) >= 4_190
    assert len(numbers) > len(set(numbers))
    assert (broadcast.attempts, broadcast.most_open, broadcast.open) == (11, 2, 0)


async def test_F23_a_connection_that_cannot_be_opened_is_tried_again_while_the_present_one_serves() -> None:
    """Twice it is refused, a minute later it is open."""
    broadcast = Broadcast(failing=2, life_s=250)

    assert is_whole(await listen(broadcast, 240))
    assert (broadcast.attempts, broadcast.most_open) == (4, 2)


async def test_F23_a_connection_that_ends_while_both_are_open_is_not_missed() -> None:
    """The next one goes on at once."""
    assert is_whole(await listen(Broadcast(life_s=100.5), 320))


async def test_F23_a_connection_that_ends_alone_ends_the_stream() -> None:
    """Whoever keeps the stream connects again, and reads what was missed."""
    broadcast = Broadcast(failing=100)

    with pytest.raises(ConnectivityError, match="its day is over"):
        await listen(broadcast, 240)

    assert broadcast.open == 0


async def test_F23_a_silent_stream_changes_its_connection_where_it_is_looked_at_now_and_then() -> None:
    """At 23 h, though nothing was ever heard; the venue closes at 24 h."""
    broadcast = Broadcast(every_s=10**9, life_s=86_400)

    async with open_overlapping(broadcast.connect, LoopClock(), life_s=23 * 3600.0) as socket:
        for _ in range(30 * 15):
            with anyio.move_on_after(240):
                await socket.receive()

    assert (broadcast.attempts, broadcast.most_open, broadcast.open) == (2, 2, 0)
