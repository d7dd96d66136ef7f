"""Whole sessions whose quotes hang on a price from outside: moved by it, pulled without it, protected all the same."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from anyio.abc import TaskGroup

from perpmaker.model.order import OrderKind, Side
from perpmaker.sandbox.server import ACCOUNT, Sandbox
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import SimulatedOrder
from perpmaker.testing.rehearsal import rehearse
from perpmaker.testing.session import Session, open_stage
from perpmaker.wire.fault import Fault
from perpmaker.wire.server import serve

pytestmark = pytest.mark.anyio

BASE = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "SOL-USDT"
leverage = 5
bid_spread = 0.5
ask_spread = 0.5
order_amount = 1
order_refresh_time = 5
filled_order_delay = 1
long_profit_taking_spread = 2
short_profit_taking_spread = 2
stop_loss_spread = 10
"""
API_PORT = 8080
CUSTOM = f"""\
price_source = "custom_api"
price_source_custom_api = "http://127.0.0.1:{API_PORT}/price"
custom_api_update_interval = 1
[custom_api]
allow_loopback = true
"""
SPOT = """\
price_source = "external_market"
price_source_derivative = "binance"
price_source_market = "SOL-USDT"
"""
SETTLE_S = 6.5
"""A reference that was good for a second, and a refresh."""


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions last minutes of virtual time."""
    return virtual_time


@attrs.frozen(kw_only=True)
class Desk:
    """A running session, what its price hangs on, and the orders that rest on the venue."""

    session: Session
    api: Any
    source: Sandbox | None

    def orders(self, kind: OrderKind) -> Iterator[SimulatedOrder]:
        """The bot's resting orders of a kind, by the venue's own books."""
        for order in self.session.sandbox.exchange.open_orders(ACCOUNT):
            if self.session.bot.known.kind(order.client_id) is kind:
                yield order

    def prices(self) -> list[Decimal]:
        """The prices of the resting quotes, ascending."""
        tick = self.session.bot.instrument.tick

        return sorted(order.ticks * tick for order in self.orders(OrderKind.QUOTE) if order.ticks is not None)

    def mid(self) -> Decimal:
        """The middle of the resting quotes, of which there must be one a side."""
        bid, ask = self.prices()

        return (bid + ask) / 2

    async def until_no_quotes(self, within_s: float) -> float:
        """Wait until no quote rests; how long it took."""
        began_at = anyio.current_time()

        with anyio.fail_after(within_s):
            while self.prices():  # noqa: ASYNC110  # the venue's books tell nobody
                await anyio.sleep(0.05)

        return anyio.current_time() - began_at


@pytest.fixture
def open_desk(tmp_path: Path, scripted_api: Any) -> Callable[..., Any]:
    """Run a bot of a configuration; the market stands still at 150 unless a test moves it."""

    @asynccontextmanager
    async def opened(lines: str, *overrides: str) -> AsyncIterator[Desk]:
        file = tmp_path / "bot.toml"
        head, table, rest = lines.partition("[")
        tables = f'[binance_perpetual]\nenvironment = "sandbox"\n{table}{rest}'
        file.write_text(f"{BASE}{head}{tables}", encoding="utf-8")
        api = scripted_api(body=b"150")

        async with open_stage(file, *overrides, seed=5) as stage, anyio.create_task_group() as tasks:
            listener = await stage.network.listen("127.0.0.1", API_PORT)
            tasks.start_soon(serve, listener, api)
            calm(stage.sandbox)

            async with stage.open_bot() as session:
                tasks.start_soon(session.bot.run)
                yield Desk(session=session, api=api, source=stage.source)
                await stop(session, tasks)

    return opened


async def stop(session: Session, tasks: TaskGroup) -> None:
    """Stop the bot, let it prove that it is clean, and end what serves it."""
    session.bot.request_stop()
    await anyio.sleep(5)
    assert not session.open_quotes()
    assert not session.sandbox.oracle.violations
    tasks.cancel_scope.cancel()


def calm(sandbox: Sandbox) -> None:
    """Nobody trades, so that quotes rest where they were put."""
    assert isinstance(sandbox.market, SyntheticMarket)
    sandbox.market.paused = True


async def test_quotes_follow_the_price_of_an_address(open_desk: Any) -> None:
    """Quotes are laid around the answer of the address, not around the traded market."""
    async with open_desk(CUSTOM) as desk:
        await anyio.sleep(3)
        assert desk.mid() == 150
        desk.api.body = b'{"price": "150.30"}'
        await anyio.sleep(SETTLE_S)
        assert desk.mid() == Decimal("150.30")
        assert any(line == "price source: price 150" for line in desk.session.told)


@pytest.mark.full
async def test_quotes_follow_the_spot_market(open_desk: Any) -> None:
    """external_market over Binance's spot sandbox: quotes are laid around the spot mid, which follows the index."""
    async with open_desk(SPOT, "bid_spread=0.3", "ask_spread=0.3") as desk:
        await anyio.sleep(30)
        assert desk.source is not None
        best = [desk.source.exchange.best(side) for side in (Side.BUY, Side.SELL)]
        spot = sum(level[0] for level in best if level) * desk.source.exchange.instrument.tick / 2
        assert abs(desk.mid() - spot) < Decimal("0.004") * spot
        reference = desk.session.bot.trader.state.market.reference
        assert reference is not None
        assert reference.bid is not None
        assert abs(reference.bid - spot) < Decimal("0.1")
        assert any(re.match(r"price source: bid \S+, ask \S+, last \S+$", line) for line in desk.session.told)


@pytest.mark.parametrize("price_type", ["best_bid", "best_ask", "last_price"])
async def test_each_price_type_of_the_spot_market_quotes(open_desk: Any, price_type: str) -> None:
    """Every price type of an external market lays quotes."""
    async with open_desk(SPOT, f'price_type="{price_type}"') as desk:
        await anyio.sleep(5)
        assert len(desk.prices()) == 2


async def test_another_market_of_the_same_venue_may_be_the_source(open_desk: Any) -> None:
    """The venue's connector reads another market, here with its own sandbox; far prices are disputed, not followed."""
    lines = SPOT.replace('"binance"', '"binance_perpetual"').replace("SOL-USDT", "ETH-USDT")

    async with open_desk(lines) as desk:
        await anyio.sleep(5)
        reference = desk.session.bot.trader.state.market.reference
        assert reference is not None
        assert reference.bid is not None
        assert 2900 < reference.bid < 3100
        assert desk.prices() == []


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b"-150",
        b"1500",
        b"<html>",
        *(pytest.param(one, marks=pytest.mark.full) for one in (b"0", b"null", b'"text"', b"150e9", b"15", b"15000")),
    ],
)
async def test_F62_price_that_is_none_pulls_the_quotes_within_a_second(open_desk: Any, body: bytes) -> None:
    """NaN, zero, null, text, 1e9 times, a shifted point: quotes go at once, and a good price brings them back."""
    async with open_desk(CUSTOM) as desk:
        await anyio.sleep(3)
        assert len(desk.prices()) == 2
        asked = len(desk.api.asked)
        desk.api.body = body

        while len(desk.api.asked) == asked:  # noqa: ASYNC110  # a test's own list
            await anyio.sleep(0.01)

        assert await desk.until_no_quotes(1.0) <= 1.0
        await anyio.sleep(10)
        assert desk.prices() == []
        assert not any(order.ticks is None for order in desk.session.sandbox.exchange.orders(ACCOUNT))
        assert desk.session.bot.halted is None
        desk.api.body = b"150"
        await anyio.sleep(SETTLE_S)
        assert len(desk.prices()) == 2


async def test_F61_price_that_grows_old_pulls_the_quotes(open_desk: Any) -> None:
    """An address that answers no more: after three intervals its last price is stale, and quotes are pulled."""
    async with open_desk(CUSTOM) as desk:
        await anyio.sleep(3)
        assert len(desk.prices()) == 2
        desk.api.status = 503
        assert 2.0 <= await desk.until_no_quotes(5.0) <= 3.5
        desk.api.status = 200
        await anyio.sleep(SETTLE_S)
        assert len(desk.prices()) == 2


async def test_F61_frozen_price_beside_a_moving_market_pulls_the_quotes(open_desk: Any) -> None:
    """Fresh answers that never change, while the traded market has moved by a percent, are believed no more."""
    async with open_desk(CUSTOM, "bid_spread=3", "ask_spread=3") as desk:
        await anyio.sleep(3)
        assert len(desk.prices()) == 2
        desk.session.sandbox.market.jump(1.01)
        await anyio.sleep(15)
        assert desk.prices() == []
        desk.api.body = b"151.4"
        await anyio.sleep(SETTLE_S)
        assert len(desk.prices()) == 2


async def test_F65_dead_source_pulls_all_quotes_and_leaves_the_protection(open_desk: Any) -> None:
    """The spot market goes silent and unreachable with a position open: no quotes, the closing order stays."""
    async with open_desk(SPOT) as desk:
        await anyio.sleep(3)
        desk.session.sandbox.market.jump(0.99)

        with anyio.fail_after(10):
            while not list(desk.orders(OrderKind.TAKE_PROFIT)):  # noqa: ASYNC110  # the same
                await anyio.sleep(0.05)

        assert desk.source is not None
        desk.source.faults.add(Fault(act="drop", method="WS", path="/stream", times=None))
        desk.source.faults.add(Fault(act="status", arg=503, path="/api", times=None))
        await anyio.sleep(20)
        assert desk.prices() == []
        (target,) = desk.orders(OrderKind.TAKE_PROFIT)
        assert target.remaining_lots > 0


async def test_F65_source_that_was_never_there_keeps_the_bot_without_quotes(open_desk: Any) -> None:
    """A source that gives nothing from the start: the bot runs, says why, and quotes once there is a price."""
    async with open_desk(CUSTOM, "custom_api_update_interval=2") as desk:
        desk.api.status = 404
        await anyio.sleep(10)
        assert desk.prices() == []
        desk.api.status = 200
        await anyio.sleep(SETTLE_S)
        assert len(desk.prices()) == 2


async def test_lost_spot_connection_pulls_and_comes_back(open_desk: Any) -> None:
    """Quotes are pulled when the spot connection is lost, the source is opened again, and they come back."""
    async with open_desk(SPOT) as desk:
        await anyio.sleep(3)
        assert len(desk.prices()) == 2
        assert desk.source is not None
        await desk.source.faults.inject(Fault(act="reset", when="now", method="WS", path="/stream"))
        assert await desk.until_no_quotes(1.0) <= 1.0
        await anyio.sleep(SETTLE_S)
        assert len(desk.prices()) == 2
        assert desk.session.bot.halted is None


@pytest.mark.full
def test_same_seed_is_the_same_session(tmp_path: Path) -> None:
    """With the spot market beside it a session still repeats itself, order for order."""
    file = tmp_path / "bot.toml"
    near = re.sub(r"(bid_spread|ask_spread|profit_taking_spread) = \S+", r"\1 = 0.02", BASE)
    file.write_text(f'{near}{SPOT}[binance_perpetual]\nenvironment = "sandbox"\n', encoding="utf-8")
    first, again = (rehearse(file, 11, 30.0) for _ in range(2))
    assert len(first.trace) > 10
    assert first == again
