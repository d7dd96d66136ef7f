"""A stream goes on over the days: the next connection is open before the one before it is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, Feed, SandboxAccess
from perpmaker.errors import ConnectivityError, RefusedError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Event, OrderReported, Traded
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.websocket import WebSocket
from perpmaker_binance_perpetual import rotation
from perpmaker_binance_perpetual.connector import BinancePerpetual, open_connector
from perpmaker_binance_perpetual.rotation import open_rotation
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Days pass in a moment."""
    return virtual_time


@pytest.fixture
def short_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are made anew after a hundred seconds."""
    monkeypatch.setattr(rotation, "LIFE_S", 100.0)


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


async def listen(broadcast: Broadcast, seconds: float) -> list[int]:
    """What is heard in so many seconds."""
    numbers: list[int] = []

    async with open_rotation(broadcast.connect, LoopClock()) as socket:
        with anyio.move_on_after(seconds):
            while True:
                numbers.append(int(await socket.receive()))

    return numbers


def is_whole(numbers: list[int]) -> bool:
    """Whether no number is missing."""
    return set(numbers) == set(range(numbers[0], max(numbers) + 1))


@pytest.mark.usefixtures("short_days")
async def test_F23_nothing_is_missed_while_connections_change() -> None:
    """Every number is heard, some of them twice, on eleven connections of which never more than two are open."""
    broadcast = Broadcast()
    numbers = await listen(broadcast, 1_050)

    assert is_whole(numbers)
    assert max(numbers) >= 4_190
    assert len(numbers) > len(set(numbers))
    assert (broadcast.attempts, broadcast.most_open, broadcast.open) == (11, 2, 0)


@pytest.mark.usefixtures("short_days")
async def test_F23_a_connection_that_cannot_be_opened_is_tried_again_while_the_present_one_serves() -> None:
    """Twice it is refused, a minute later it is open."""
    broadcast = Broadcast(failing=2, life_s=250)

    assert is_whole(await listen(broadcast, 240))
    assert (broadcast.attempts, broadcast.most_open) == (4, 2)


@pytest.mark.usefixtures("short_days")
async def test_F23_a_connection_that_ends_while_both_are_open_is_not_missed() -> None:
    """The next one goes on at once."""
    assert is_whole(await listen(Broadcast(life_s=100.5), 320))


@pytest.mark.usefixtures("short_days")
async def test_F23_a_connection_that_ends_alone_ends_the_stream() -> None:
    """Whoever keeps the stream connects again, and reads what was missed."""
    broadcast = Broadcast(failing=100)

    with pytest.raises(ConnectivityError, match="its day is over"):
        await listen(broadcast, 240)

    assert broadcast.open == 0


async def test_F23_a_silent_stream_changes_its_connection_where_it_is_looked_at_now_and_then() -> None:
    """At 23 h, though nothing was ever heard; the venue closes at 24 h."""
    broadcast = Broadcast(every_s=10**9, life_s=86_400)

    async with open_rotation(broadcast.connect, LoopClock()) as socket:
        for _ in range(30 * 15):
            with anyio.move_on_after(240):
                await socket.receive()

    assert (broadcast.attempts, broadcast.most_open, broadcast.open) == (2, 2, 0)


@asynccontextmanager
async def open_desk() -> AsyncIterator[tuple[Sandbox, BinancePerpetual]]:
    """Serve a sandbox in memory, and open the connector to it."""
    network, clock = MemoryNetwork(latency_s=0.001), LoopClock()
    settings = SandboxSettings(venue="binance_perpetual", seed=7)

    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            open_sandbox(dialect(), settings, clock=clock, listener=await network.listen())
        )
        access = SandboxAccess(url=sandbox.line.url, api_key=sandbox.keys.api_key, api_secret=sandbox.keys.api_secret)
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(Path(), environ={}),
            environment=Environment.SANDBOX,
            sandbox=access,
        )

        yield sandbox, await stack.enter_async_context(open_connector(Settings(), context))


def quote(number: int, ticks: int) -> NewOrder:
    """A bid that rests."""
    return NewOrder(
        client_id=f"pm-r-1-{number}",
        slot=Slot(OrderKind.QUOTE, Side.BUY, number),
        lots=1,
        ticks=ticks,
        type=OrderType.POST_ONLY,
    )


def best(events: list[Event]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Best bid and ask, with what rests there, of the book that the events make."""
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}

    for event in events:
        if isinstance(event, BookSnapshot | BookChanged):
            bids.update(event.bids)
            asks.update(event.asks)

    bid = max(ticks for ticks, lots in bids.items() if lots)
    ask = min(ticks for ticks, lots in asks.items() if lots)

    return (bid, bids[bid]), (ask, asks[ask])


async def test_F23_book_trades_and_account_go_on_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """On connections of three seconds: one snapshot, no trade twice, every order, and at the end the venue's book."""
    monkeypatch.setattr(rotation, "LIFE_S", 3.0)
    heard: list[Event] = []

    async def follow(feed: Feed) -> None:
        async with feed.open() as receiver:
            while True:
                heard.extend(await receiver.receive())

    async with open_desk() as (sandbox, connector), anyio.create_task_group() as tasks:
        instrument = await connector.fetch_instrument("BTC-USDT")

        for feed in connector.feeds(instrument):
            tasks.start_soon(follow, feed)

        for number in range(20):
            await anyio.sleep(1)
            bid = sandbox.exchange.best(Side.BUY)
            assert bid is not None
            await connector.place(instrument, [quote(number, bid[0] - 5_000)])

        await anyio.sleep(0.35)
        shown = sandbox.exchange.best(Side.BUY), sandbox.exchange.best(Side.SELL)
        tasks.cancel_scope.cancel()

    trades = [(event.venue_ms, event.ticks, event.lots) for event in heard if isinstance(event, Traded)]
    orders = {event.report.client_id for event in heard if isinstance(event, OrderReported)}
    assert [type(event) for event in heard if isinstance(event, BookSnapshot | BookLost)] == [BookSnapshot]
    assert len(trades) == len(set(trades)) > 50
    assert orders == {f"pm-r-1-{number}" for number in range(20)}
    assert best(heard) == shown
