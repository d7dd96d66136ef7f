"""A stream goes on over the days: the next connection is open before the one before it is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, Feed, SandboxAccess
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Event, OrderReported, Traded
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual import streams
from perpmaker_binance_perpetual.connector import BinancePerpetual, open_connector
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Days pass in a moment."""
    return virtual_time


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
    monkeypatch.setattr(streams, "LIFE_S", 3.0)
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
