"""Row D6: orders and market data take time on the way, and a summary says how much."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import msgspec
import pytest

from perpmaker.cli.sandbox import _line
from perpmaker.cli.venue import sandbox_settings, worth_of
from perpmaker.clock import LoopClock
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import CancelOrder, ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import ConfigurationError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected
from perpmaker.model.refusal import RefusalReason
from perpmaker.paper.connector import paper_declaration
from perpmaker.plugins.catalog import load_catalog
from perpmaker.sandbox.latency import Latency
from perpmaker.sandbox.server import ACCOUNT, Sandbox, SandboxLine, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.simulation.event import OrderChanged, SimulationEvent
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.testing.session import open_stage
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.websocket import open_websocket
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_price_sources.binance.sandbox import dialect as spot_dialect

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Milliseconds that count: virtual time."""
    return virtual_time


@attrs.frozen(kw_only=True)
class Room:
    """A sandbox, a connector to it, and when what happened to orders."""

    sandbox: Sandbox
    connector: Any
    instrument: Instrument
    clock: LoopClock
    changes: list[tuple[int, str]]

    async def quote(self, client_id: str, ticks: int) -> Outcome:
        """Place a post-only buy."""
        slot = Slot(OrderKind.QUOTE, Side.BUY)
        order = NewOrder(client_id=client_id, slot=slot, lots=1, ticks=ticks, type=OrderType.POST_ONLY)
        (outcome,) = await self.connector.place(self.instrument, [order])

        return outcome  # type: ignore[no-any-return]  # the connector is one of several

    async def cancel(self, client_id: str) -> None:
        """Cancel an order."""
        await self.connector.cancel(self.instrument, [CancelOrder(client_id=client_id)])


@asynccontextmanager
async def open_room(latency: Latency, market: ScriptedMarket | None = None, seed: int = 3) -> AsyncIterator[Room]:
    """Connect to a sandbox with this latency; the network itself takes no time."""
    clock, network = LoopClock(), MemoryNetwork()
    declaration = load_catalog().derivative_connector("binance_perpetual")
    settings = SandboxSettings(venue=declaration.name, seed=seed, latency=latency)
    changes: list[tuple[int, str]] = []

    async with open_sandbox(
        dialect(), settings, clock=clock, listener=await network.listen(), market=market
    ) as sandbox:

        def note(event: SimulationEvent) -> None:
            if isinstance(event, OrderChanged):
                changes.append((event.now_ms, f"{event.cause.value} {event.order.client_id}"))

        sandbox.exchange.subscribe(note)
        line = sandbox.line
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(FILE.parent, {}),
            environment=Environment.SANDBOX,
            sandbox=SandboxAccess(url=line.url, api_key=line.api_key, api_secret=line.api_secret),
        )

        async with declaration.open(declaration.settings(), context) as connector:
            instrument = await connector.fetch_instrument("BTC-USDT")
            yield Room(sandbox=sandbox, connector=connector, instrument=instrument, clock=clock, changes=changes)


def calm() -> ScriptedMarket:
    """A book that stands."""
    return ScriptedMarket(bids=[(599_990, 100)], asks=[(600_010, 100)], mark=Decimal(60_000))


async def test_D6_orders_and_cancels_reach_the_engine_late() -> None:
    """Each is under way for exactly so long before anything happens."""
    for order_ms in [0, 5, 30]:
        async with open_room(Latency(order_ms=order_ms), calm()) as room:
            sent_ms = room.clock.utc_ms()
            await room.quote("pm-1", 599_980)
            cancelled_ms = room.clock.utc_ms()
            await room.cancel("pm-1")

            assert room.changes == [(sent_ms + order_ms, "accepted pm-1"), (cancelled_ms + order_ms, "cancelled pm-1")]


async def test_D6_a_quote_at_the_touch_is_refused_when_the_market_comes_first() -> None:
    """The ask falls onto the bid's price 3 ms after the bid was sent: the bid arrives after 5, and would take."""
    market = calm()

    async with open_room(Latency(order_ms=5), market) as room, anyio.create_task_group() as group:

        async def fall() -> None:
            await anyio.sleep(0.003)
            market.set_ladder([(599_900, 100)], [(599_980, 100)])

        group.start_soon(fall)
        outcome = await room.quote("pm-1", 599_985)

        assert isinstance(outcome, Rejected)
        assert outcome.refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE


async def test_D6_a_cancel_that_is_late_loses_to_the_fill() -> None:
    """Somebody takes the quote while its cancel is under way."""
    market = calm()

    async with open_room(Latency(order_ms=20), market) as room, anyio.create_task_group() as group:
        await room.quote("pm-1", 599_995)

        async def take() -> None:
            await anyio.sleep(0.010)
            market.take(Side.SELL, 1)

        group.start_soon(take)
        await room.cancel("pm-1")

        assert [what for _, what in room.changes] == ["accepted pm-1", "traded pm-1"]
        assert room.sandbox.exchange.account(ACCOUNT).positions[0].lots == 1


async def test_D6_the_longer_the_way_the_more_touch_quotes_are_refused() -> None:
    """On the synthetic market: none at 0 ms, some at 5, more at 60."""
    refused = {}

    for order_ms in (0, 5, 60):
        async with open_room(Latency(order_ms=order_ms)) as room:
            count = 0

            for number in range(120):
                await anyio.sleep(0.053)
                room.sandbox.exchange.advance(room.clock.utc_ms())
                ask = room.sandbox.exchange.best(Side.SELL)
                assert ask is not None
                outcome = await room.quote(f"pm-{number}", ask[0] - 1)
                count += isinstance(outcome, Rejected)

                if isinstance(outcome, Accepted):
                    await room.cancel(f"pm-{number}")

            refused[order_ms] = count

    assert refused[0] == 0 < refused[5] < refused[60]


@pytest.mark.parametrize("feed_ms", [pytest.param(0, marks=pytest.mark.full), 80])
async def test_D6_market_data_come_late_and_the_account_does_not(feed_ms: int) -> None:
    """Best prices are heard so long after they changed; private words are not held back by it."""
    market = calm()
    clock, network = LoopClock(), MemoryNetwork()
    settings = SandboxSettings(venue="binance_perpetual", latency=Latency(order_ms=0, feed_ms=feed_ms))

    async with open_sandbox(
        dialect(), settings, clock=clock, listener=await network.listen(), market=market
    ) as sandbox:
        url = sandbox.line.url.replace("http", "ws")

        async with open_websocket(network.connect, f"{url}/public/ws/btcusdt@bookTicker") as socket:
            await anyio.sleep(1)
            changed_ms = clock.utc_ms()
            market.set_ladder([(599_900, 100)], [(599_980, 100)])
            sandbox.exchange.advance(changed_ms)
            heard = msgspec.json.decode(await socket.receive())

            while heard["b"] != "59990.00":
                heard = msgspec.json.decode(await socket.receive())

            assert clock.utc_ms() - changed_ms == feed_ms
            assert heard["E"] == changed_ms


async def test_D6_the_price_source_beside_is_as_late() -> None:
    """A spot market's streams are market data too."""
    clock, network = LoopClock(), MemoryNetwork()
    settings = SandboxSettings(venue="binance", latency=Latency(feed_ms=300))

    async with open_sandbox(spot_dialect(), settings, clock=clock, listener=await network.listen()) as sandbox:
        url = sandbox.line.url.replace("http", "ws")

        async with open_websocket(network.connect, f"{url}/stream?streams=btcusdt@trade") as socket:
            for _ in range(5):
                heard = msgspec.json.decode(await socket.receive())["data"]
                assert 300 <= clock.utc_ms() - heard["E"] <= 301


@pytest.mark.parametrize("feed_ms", [pytest.param(7, marks=pytest.mark.full), 250])
async def test_D6_a_bot_trades_on_late_data(feed_ms: int) -> None:
    """The book is put together although its snapshot is ahead of its stream, and the end is clean."""
    late = (f"sandbox.feed_latency_ms={feed_ms}", "sandbox.order_latency_ms=30", "order_refresh_time=1")

    async with open_stage(FILE, *late, seed=2) as stage, stage.open_bot() as session:
        summary = await session.run(20)

        assert summary.quotes_placed + summary.amends >= 4
        assert summary.open_orders_left == 0
        assert f"orders under way 30 ms, market data {feed_ms} ms" in summary.origin
        assert stage.sandbox.oracle.violations == []


async def test_D6_orders_on_paper_are_under_way_too() -> None:
    """The simulated exchange of a paper account takes them as late, and a command that is given up never arrives."""
    clock, network = LoopClock(), MemoryNetwork()
    declaration = load_catalog().derivative_connector("binance_perpetual")
    settings = SandboxSettings(venue=declaration.name, seed=3)

    async with open_sandbox(dialect(), settings, clock=clock, listener=await network.listen()) as sandbox:
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(FILE.parent, {}),
            environment=Environment.PAPER,
            sandbox=SandboxAccess(
                url=sandbox.line.url, api_key=sandbox.line.api_key, api_secret=sandbox.line.api_secret
            ),
        )
        paper: Any = paper_declaration(declaration, Decimal(10_000), order_latency_ms=40)

        async with paper.open(paper.settings(), context) as connector:
            instrument = await connector.fetch_instrument("BTC-USDT")
            order = NewOrder(
                client_id="pm-1", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=1, ticks=1, type=OrderType.LIMIT
            )
            acts: dict[str, Callable[[], Awaitable[Any]]] = {
                "place": lambda: connector.place(instrument, [order]),
                "cancel": lambda: connector.cancel(instrument, [CancelOrder(client_id="pm-1")]),
            }

            for act in acts.values():
                began_at = clock.now()
                await act()
                assert clock.now() - began_at == pytest.approx(0.04)

            with anyio.move_on_after(0.01):
                await acts["place"]()

            await anyio.sleep(1)
            assert await connector.fetch_open_orders(instrument) == []


def configured(*overrides: str) -> Configuration:
    """The example with these values."""
    return load_configuration(FILE, overrides, load_catalog())


def test_D6_the_file_decides_and_the_line_and_the_summary_say_it() -> None:
    """From [sandbox] to the sandbox's settings; 5 ms and 0 ms unless the file says otherwise."""
    assert sandbox_settings(configured()).latency == Latency(order_ms=5, feed_ms=0)
    chosen = sandbox_settings(configured("sandbox.order_latency_ms=12", "sandbox.feed_latency_ms=3")).latency
    assert chosen == Latency(order_ms=12, feed_ms=3)
    line = SandboxLine(venue="v", url="u", api_key="k", api_secret="s", market="BTC-USDT", seed=1, latency=chosen)

    assert "orders under way 12 ms, market data 3 ms" in worth_of(configured(), line)
    assert "orders under way 12 ms, market data 3 ms" in _line(line, as_json=False)
    on_paper = configured("binance_perpetual.environment=paper", "sandbox.order_latency_ms=9")
    assert worth_of(on_paper, None) == ("orders simulated here, under way 9 ms",)
    assert worth_of(attrs.evolve(on_paper, environment=Environment.LIVE), None) == ()


@pytest.mark.each_value
@pytest.mark.parametrize("value", ["-1", "10001", "0.5", "true"])
@pytest.mark.parametrize("key", ["order_latency_ms", "feed_latency_ms"])
def test_D6_what_is_no_latency_is_a_fault_of_the_file(key: str, value: str) -> None:
    """Whole milliseconds, none of them before anything was sent."""
    with pytest.raises(ConfigurationError, match=key):
        configured(f"sandbox.{key}={value}")
