"""The market of an external price source, served beside the traded one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import UnknownMarketError
from perpmaker.model.order import Side
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.sandbox.source_sandbox import SourceMarket, open_source_sandbox
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Markets move for seconds of virtual time."""
    return virtual_time


@attrs.frozen
class Pair:
    """Both sandboxes, and the network that they are on."""

    traded: Sandbox
    source: Sandbox
    network: MemoryNetwork


@asynccontextmanager
async def opened(dialect: Any, market: str = "BTC-USDT", seed: int = 3) -> AsyncIterator[Pair]:
    """BTC-USDT, and beside it a market of a source."""
    network, clock = MemoryNetwork(), LoopClock()
    settings = SandboxSettings(venue="traded", seed=seed)
    source = SourceMarket(venue="spot", dialect=dialect, market=market, listener=await network.listen())

    async with (
        open_source_sandbox(source, settings, clock=clock) as beside,
        open_sandbox(dialect, settings, clock=clock, listener=await network.listen(), source=beside.line) as traded,
    ):
        beside.follow(traded.exchange)
        yield Pair(traded, beside.sandbox, network)


def touch(exchange: Exchange) -> tuple[Decimal, Decimal]:
    """Best bid and best ask."""
    bid, ask = exchange.best(Side.BUY), exchange.best(Side.SELL)
    assert bid is not None
    assert ask is not None

    return exchange.instrument.price(bid[0]), exchange.instrument.price(ask[0])


async def test_same_market_follows_the_index_of_the_traded_one(dialect: Any) -> None:
    """The spot market stands a tick around the index price, moves with it, and trades."""
    async with opened(dialect) as pair:
        seen = set()

        for _ in range(30):
            await anyio.sleep(1)
            bid, ask = touch(pair.source.exchange)
            assert bid < ask <= bid + 2 * pair.source.exchange.instrument.tick
            assert abs(bid - pair.traded.exchange.index) < 60
            seen.add(bid)

        assert len(seen) > 20
        assert isinstance(pair.traded.market, SyntheticMarket)
        pair.traded.market.jump(1.05)
        await anyio.sleep(3)
        assert touch(pair.source.exchange)[0] == pytest.approx(pair.traded.exchange.index, rel=Decimal("0.001"))
        assert pair.source.exchange.last_ticks is not None
        assert not pair.source.oracle.violations


async def test_other_market_moves_by_itself(dialect: Any) -> None:
    """A market of another name is synthetic, and the seed of the traded one makes it again."""
    prices = []

    for _ in range(2):
        async with opened(dialect, "ETH-USDT") as pair:
            await anyio.sleep(20)
            prices.append(touch(pair.source.exchange))

    assert prices[0] == prices[1]
    assert 2900 < prices[0][0] < 3100


async def test_traded_sandbox_tells_where_its_source_is(dialect: Any) -> None:
    """Whoever attaches to the one reads where the other is."""
    async with opened(dialect) as pair:
        assert pair.traded.line.source == pair.source.line

        async with open_client(pair.network.connect, pair.traded.line.url) as client:
            told = json.loads((await client.get("/_sandbox")).content)

        assert (told["source"]["venue"], told["source"]["market"]) == ("spot", "BTC-USDT")
        assert told["source"]["url"] == pair.source.line.url != told["url"]


async def test_market_without_rules_is_named(dialect: Any) -> None:
    """A market that no sandbox knows is refused with those that it knows."""
    with pytest.raises(
        UnknownMarketError, match=r"the sandbox of spot has no market named 'NO-USDT'\. The sandbox has BTC"
    ):
        async with opened(dialect, "NO-USDT"):
            pass
