"""Row D1: user events come in the order in which the venue sends them, and race as the venue's do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from perpmaker.clock import LoopClock
from perpmaker.model.order import Side
from perpmaker.sandbox.server import ACCOUNT, Sandbox, SandboxSettings, open_sandbox
from perpmaker.simulation.order import OrderRequest, TimeInForce
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.testing.session import open_stage
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.websocket import open_websocket
from perpmaker_binance_perpetual.sandbox import dialect

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
OTU, LITE, ACCOUNTS, ALGO = "ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ALGO_UPDATE"


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Events that are held back take time: virtual time."""
    return virtual_time


class Story:
    """A sandbox on a scripted market, and everything that the account's stream has said so far."""

    def __init__(self, sandbox: Sandbox, market: ScriptedMarket, heard: list[Any]) -> None:
        self.exchange = sandbox.exchange
        self.market = market
        self.heard = heard

    def place(self, side: Side, amount: str, price: str | None = None, **more: Any) -> None:
        """The account places an order."""
        wanted = None if price is None else Decimal(price)
        request = OrderRequest(side=side, amount=Decimal(amount), price=wanted, **more)
        self.exchange.place(ACCOUNT, request, self.exchange.now_ms)

    def words(self) -> list[str]:
        """What was said, in short: the event, and of an order what happened."""
        return [f"{event['o']['x']}" if event["e"] == OTU else event["e"] for event in self.heard]


@asynccontextmanager
async def telling(**options: Any) -> AsyncIterator[Story]:
    """Serve the dialect in memory and listen to the account."""
    network, clock = MemoryNetwork(), LoopClock()
    market = ScriptedMarket(bids=[(599_990, 100)], asks=[(600_010, 4), (600_020, 6)], mark=Decimal(60_000))
    settings = SandboxSettings(venue="binance_perpetual", options=options)
    heard: list[Any] = []

    async with (
        open_sandbox(dialect(), settings, clock=clock, listener=await network.listen(), market=market) as sandbox,
        open_client(network.connect, sandbox.line.url) as client,
        anyio.create_task_group() as group,
    ):
        key = (await client.post("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": sandbox.keys.api_key})).json()
        url = sandbox.line.url.replace("http", "ws")

        async with open_websocket(network.connect, f"{url}/private/ws?listenKey={key['listenKey']}") as socket:

            async def listen() -> None:
                while True:
                    heard.append(msgspec.json.decode(await socket.receive()))

            group.start_soon(listen)
            await anyio.sleep(0.01)
            yield Story(sandbox, market, heard)
            group.cancel_scope.cancel()


async def test_D1_a_maker_fill_is_told_account_first() -> None:
    """NEW, TRADE_LITE, ACCOUNT_UPDATE, TRADE: as in five public captures of 2021 to 2026."""
    async with telling() as story:
        story.place(Side.BUY, "0.010", "59999.0", time_in_force=TimeInForce.POST_ONLY)
        story.market.take(Side.SELL, 110)
        await anyio.sleep(1)

        assert story.words() == ["NEW", LITE, ACCOUNTS, "TRADE"]
        lite, account, trade = story.heard[1:]
        assert (lite["t"], lite["l"], lite["L"], lite["m"]) == tuple(trade["o"][name] for name in "tlLm")
        assert account["a"]["P"][0]["pa"] == trade["o"]["z"] == "0.010"
        assert account["T"] == trade["T"]


async def test_D1_a_taker_fill_over_two_levels_is_told_execution_by_execution() -> None:
    """Each execution has its own three words, and the position grows with them."""
    async with telling() as story:
        story.place(Side.BUY, "0.010")
        await anyio.sleep(1)

        assert story.words() == ["NEW", LITE, ACCOUNTS, "TRADE", LITE, ACCOUNTS, "TRADE"]
        assert [event["a"]["P"][0]["pa"] for event in story.heard if event["e"] == ACCOUNTS] == ["0.004", "0.010"]
        assert [event["o"]["z"] for event in story.heard if event["e"] == OTU] == ["0.000", "0.004", "0.010"]


async def test_D1_what_a_fill_cuts_is_told_after_the_fill() -> None:
    """A closing order that the position no longer carries ends after the fill that took it away."""
    async with telling() as story:
        story.place(Side.BUY, "0.010")
        story.place(Side.SELL, "0.010", "60100", reduce_only=True)
        await anyio.sleep(1)
        story.heard.clear()
        story.place(Side.SELL, "0.010")
        await anyio.sleep(1)

        assert story.words() == ["NEW", LITE, ACCOUNTS, "TRADE", "EXPIRED"]


async def test_D1_a_liquidation_has_no_trade_lite() -> None:
    """It is told as CALCULATED, after the account; TRADE_LITE is for trades alone."""
    async with telling() as story:
        story.market.set_ladder([(500_000, 9000)], [(600_010, 9000)])
        story.place(Side.BUY, "2.000")
        await anyio.sleep(1)
        story.heard.clear()
        story.market.set_mark(Decimal(50_100))
        await anyio.sleep(1)

        words = story.words()
        assert words.index(ACCOUNTS) < words.index("CALCULATED")
        assert LITE not in words


async def test_D1_trade_lite_can_be_switched_off() -> None:
    """For clients that filter their stream."""
    async with telling(trade_lite=False) as story:
        story.place(Side.BUY, "0.004")
        await anyio.sleep(1)

        assert story.words() == ["NEW", ACCOUNTS, "TRADE"]


async def test_D1_a_race_swaps_kinds_and_never_two_of_one_kind() -> None:
    """With race_ms the account may come after the fill and before; each kind keeps its own order."""
    firsts = set()

    for seed in range(12):
        async with telling(race_ms=50, seed=seed) as story:
            for _ in range(3):
                story.place(Side.BUY, "0.002")

            await anyio.sleep(1)
            kinds: dict[str, list[Any]] = {}

            for event in story.heard:
                kinds.setdefault(event["e"], []).append(event)

            assert [event["o"]["x"] for event in kinds[OTU]] == ["NEW", "TRADE"] * 3
            assert [event["t"] for event in kinds[LITE]] == [1, 2, 3]
            held = [event["a"]["P"][0]["pa"] for event in kinds[ACCOUNTS]]
            assert held == ["0.002", "0.004", "0.006"]
            firsts.add(next(word for word in story.words() if word in {ACCOUNTS, "TRADE"}))

    assert firsts == {ACCOUNTS, "TRADE"}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2))])
async def test_D1_a_bot_trades_on_the_real_order_as_on_any(seed: int) -> None:
    """Each fill is counted once, nobody is taken for a person, and the books agree at the end."""
    settings = ("order_refresh_time=1", "filled_order_delay=0.5", "bid_spread=0.005", "ask_spread=0.005")

    async with open_stage(FILE, *settings, seed=seed) as stage, stage.open_bot() as session:
        summary = await session.run(30, close=True)
        executions = stage.sandbox.exchange.executions(ACCOUNT)

        assert summary.fills == len(executions) > 0
        assert summary.position == 0
        assert not [line for line in session.told if "traded by hand" in line]
        assert stage.sandbox.oracle.violations == []
