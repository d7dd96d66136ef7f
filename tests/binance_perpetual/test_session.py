"""The connector against its own sandbox, over HTTP and WebSocket on the in-memory network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import CancelOrder, ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import ConfigurationError, MarketRulesError, UnknownMarketError
from perpmaker.model.event import (
    BookChanged,
    BookSnapshot,
    Channel,
    Event,
    MarkChanged,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderStatus, OrderType, PositionMode, PositionSide, Side, Slot
from perpmaker.model.outcome import Accepted, Rejected
from perpmaker.model.position import MarginMode
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.testing.waiting import until_heard
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.connector import BinancePerpetual, open_connector
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.settings import Settings

pytestmark = pytest.mark.anyio


@attrs.frozen(kw_only=True)
class Session:
    """A sandbox and a connector to it."""

    sandbox: Sandbox
    connector: BinancePerpetual
    clock: LoopClock
    network: MemoryNetwork


@asynccontextmanager
async def open_session(
    settings: Settings | None = None, *, keys: tuple[str, str] | None = None
) -> AsyncIterator[Session]:
    """Serve a sandbox in memory and open the connector to it."""
    network, clock = MemoryNetwork(latency_s=0.001), LoopClock()
    listener = await network.listen("127.0.0.1", 0)

    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            open_sandbox(dialect(), SandboxSettings(venue="binance_perpetual", seed=7), clock=clock, listener=listener)
        )
        api_key, api_secret = keys or (sandbox.keys.api_key, sandbox.keys.api_secret)
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(Path(), environ={}),
            environment=Environment.SANDBOX,
            sandbox=SandboxAccess(url=sandbox.line.url, api_key=api_key, api_secret=api_secret),
        )
        connector = await stack.enter_async_context(open_connector(settings or Settings(), context))

        yield Session(sandbox=sandbox, connector=connector, clock=clock, network=network)


def quote(client_id: str, side: Side, ticks: int, lots: int = 10) -> NewOrder:
    """A post-only quote."""
    return NewOrder(
        client_id=client_id, slot=Slot(OrderKind.QUOTE, side), lots=lots, ticks=ticks, type=OrderType.POST_ONLY
    )


def feed_of(session: Session, instrument: Instrument, channel: Channel) -> Any:
    """The feed that keeps a channel alive."""
    return next(feed for feed in session.connector.feeds(instrument) if channel in feed.channels)


async def top_of_book(session: Session, instrument: Instrument) -> tuple[int, int]:
    """Best bid and ask of the venue, in ticks."""
    async with feed_of(session, instrument, Channel.BOOK).open() as receiver:
        events = await until_heard(receiver, lambda event: isinstance(event, BookSnapshot))

    snapshot = next(event for event in events if isinstance(event, BookSnapshot))

    return max(ticks for ticks, _ in snapshot.bids), min(ticks for ticks, _ in snapshot.asks)


async def test_the_market_comes_with_its_rules_tiers_and_fees() -> None:
    """exchangeInfo, leverageBracket, commissionRate and fundingInfo make one Instrument."""
    async with open_session() as session:
        instrument = await session.connector.fetch_instrument("BTC-USDT")

    rules = session.sandbox.exchange.instrument
    assert instrument.symbol == "BTCUSDT"
    assert (instrument.tick, instrument.lot, instrument.min_notional) == (rules.tick, rules.lot, rules.min_notional)
    assert instrument.tiers == rules.tiers
    assert (instrument.maker_fee, instrument.taker_fee) == (rules.maker_fee, rules.taker_fee)
    assert instrument.max_leverage == rules.max_leverage


async def test_the_mark_price_can_be_asked_for() -> None:
    """It is the venue's, and of now."""
    async with open_session() as session:
        instrument = await session.connector.fetch_instrument("BTC-USDT")
        mark = await session.connector.fetch_mark(instrument)

    assert mark is not None
    assert abs(mark.mark / session.sandbox.exchange.mark - 1) < Decimal("0.01")


async def test_an_unknown_market_names_the_nearest() -> None:
    """A market that the venue does not have is refused with the names it does have."""
    async with open_session() as session:
        with pytest.raises(UnknownMarketError, match="BTC-USDT"):
            await session.connector.fetch_instrument("BTC-USDX")


async def test_settings_are_set_and_read_back() -> None:
    """Leverage, margin mode and position mode are what was asked for, by the venue's own word, also when set twice."""
    async with open_session() as session:
        instrument = await session.connector.fetch_instrument("BTC-USDT")

        for _ in range(2):
            result = await session.connector.prepare(instrument, 3, PositionMode.HEDGE, MarginMode.ISOLATED)

        positions = (await session.connector.fetch_account(instrument)).positions

    assert (result.leverage, result.position_mode, result.margin_mode) == (3, PositionMode.HEDGE, MarginMode.ISOLATED)
    assert [position.side for position in positions] == [PositionSide.LONG, PositionSide.SHORT]


async def test_leverage_above_the_maximum_names_the_maximum() -> None:
    """The market's own limit is in the message, and nothing was sent."""
    async with open_session() as session:
        instrument = await session.connector.fetch_instrument("BTC-USDT")

        with pytest.raises(MarketRulesError, match=str(instrument.max_leverage)):
            await session.connector.prepare(instrument, instrument.max_leverage + 1, PositionMode.ONE_WAY, None)


async def test_quotes_rest_are_seen_and_are_cancelled() -> None:
    """Orders of one call go out as batches, show in the list of open orders and on the stream, and are gone after."""
    async with open_session() as session:
        connector = session.connector
        instrument = await connector.fetch_instrument("BTC-USDT")
        await connector.prepare(instrument, 3, PositionMode.ONE_WAY, None)
        bid, ask = await top_of_book(session, instrument)
        orders = [quote(f"pm-t-1-{n}", Side.BUY, bid - 5000 - n) for n in range(6)]
        orders.append(quote("pm-t-1-9", Side.SELL, ask + 5000))

        async with feed_of(session, instrument, Channel.ACCOUNT).open() as receiver:
            outcomes = await connector.place(instrument, orders)
            assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
            assert [outcome.client_id for outcome in outcomes] == [order.client_id for order in orders]
            assert {report.client_id for report in await connector.fetch_open_orders(instrument)} == {
                order.client_id for order in orders
            }
            await until_heard(receiver, lambda event: isinstance(event, OrderReported) and event.by_stream)

            cancels = [CancelOrder(client_id=order.client_id) for order in orders]
            gone = await connector.cancel(instrument, cancels)
            assert all(isinstance(outcome, Accepted) for outcome in gone), gone
            await until_heard(receiver, lambda event: isinstance(event, OrderCancelled))

        assert await connector.fetch_open_orders(instrument) == []
        report = await connector.fetch_order(instrument, "pm-t-1-0", None)
        assert report is not None
        assert report.status is OrderStatus.CANCELLED
        assert await connector.fetch_order(instrument, "pm-t-1-77", None) is None


async def test_F37_a_cancel_of_what_is_not_there_is_rejected_as_not_found() -> None:
    """The refusal says NOT_FOUND, alone and in a batch beside a cancel that works."""
    async with open_session() as session:
        connector = session.connector
        instrument = await connector.fetch_instrument("BTC-USDT")
        bid, _ = await top_of_book(session, instrument)
        await connector.place(instrument, [quote("pm-t-1-0", Side.BUY, bid - 5000)])

        (alone,) = await connector.cancel(instrument, [CancelOrder(client_id="pm-t-1-5")])
        first, second = await connector.cancel(
            instrument, [CancelOrder(client_id="pm-t-1-5"), CancelOrder(client_id="pm-t-1-0")]
        )

    assert isinstance(alone, Rejected)
    assert alone.refusal.reason is RefusalReason.NOT_FOUND
    assert isinstance(first, Rejected)
    assert first.refusal.reason is RefusalReason.NOT_FOUND
    assert isinstance(second, Accepted)


async def test_F40_a_post_only_order_that_would_take_is_rejected() -> None:
    """The venue's refusal carries our reason, and nothing rests."""
    async with open_session() as session:
        connector = session.connector
        instrument = await connector.fetch_instrument("BTC-USDT")
        _, ask = await top_of_book(session, instrument)
        (outcome,) = await connector.place(instrument, [quote("pm-t-1-0", Side.BUY, ask + 5000)])
        resting = await connector.fetch_open_orders(instrument)

    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE
    assert resting == []


@pytest.mark.parametrize(
    ("mode", "position_side"),
    [(PositionMode.ONE_WAY, PositionSide.NET), (PositionMode.HEDGE, PositionSide.LONG)],
    ids=["one-way", "hedge"],
)
async def test_a_position_is_opened_and_closed(mode: PositionMode, position_side: PositionSide) -> None:
    """Fills come by stream and by question alike, with fee and profit; the close shrinks the position to zero."""
    async with open_session() as session:
        connector = session.connector
        instrument = await connector.fetch_instrument("BTC-USDT")
        await connector.prepare(instrument, 3, mode, None)

        async with feed_of(session, instrument, Channel.ACCOUNT).open() as receiver:
            opening = NewOrder(
                client_id="pm-t-1-1",
                slot=Slot(OrderKind.QUOTE, Side.BUY, 0, position_side),
                lots=10,
                ticks=None,
                type=OrderType.MARKET,
            )
            closing = NewOrder(
                client_id="pm-t-1-2",
                slot=Slot(OrderKind.CLOSE, Side.SELL, 0, position_side),
                lots=10,
                ticks=None,
                type=OrderType.MARKET,
                reduce_only=True,
            )
            events: list[Event] = []

            for order, amount in ((opening, Decimal("0.010")), (closing, Decimal(0))):
                (outcome,) = await connector.place(instrument, [order])
                assert isinstance(outcome, Accepted), outcome
                # The account is told before the fill that changed it.
                heard = await until_heard(receiver, is_filled(order.client_id))
                assert any(map(is_position(position_side, amount), heard))
                events += heard

            asked = await connector.fetch_fills(instrument, session.clock.utc_ms() - 60_000)
            account = await connector.fetch_account(instrument)
            (balance,) = [row for row in account.assets if row.asset == "USDT"]

    streamed = [event.fill for event in events if isinstance(event, OrderFilled)]
    assert [fill.trade_id for fill in streamed] == [fill.trade_id for fill in asked]
    assert [fill.client_id for fill in asked] == [fill.client_id for fill in streamed]
    assert {fill.client_id for fill in streamed} == {"pm-t-1-1", "pm-t-1-2"}
    assert all(
        (a.price, a.amount, a.fee, a.realized_pnl, a.side, a.position_side)
        == (b.price, b.amount, b.fee, b.realized_pnl, b.side, b.position_side)
        for a, b in zip(asked, streamed, strict=True)
    )
    assert all(position.amount == 0 for position in account.positions)
    profit = sum(((fill.realized_pnl or 0) - fill.fee for fill in asked), Decimal(0))
    assert balance.wallet == Decimal(10_000) + profit


def is_filled(client_id: str) -> Callable[[Event], bool]:
    """Whether an event reports this order as filled."""

    def check(event: Event) -> bool:
        return (
            isinstance(event, OrderReported)
            and event.report.client_id == client_id
            and event.report.status is OrderStatus.FILLED
        )

    return check


def is_position(side: PositionSide, amount: Decimal) -> Callable[[Event], bool]:
    """Whether an event reports this position with this amount."""

    def check(event: Event) -> bool:
        return (
            isinstance(event, PositionReported) and event.position.side is side and abs(event.position.amount) == amount
        )

    return check


async def test_book_and_market_streams_flow() -> None:
    """Book changes follow a snapshot, mark prices come every second, trades carry their taker."""
    async with open_session() as session:
        instrument = await session.connector.fetch_instrument("BTC-USDT")

        async with feed_of(session, instrument, Channel.BOOK).open() as receiver:
            events = await until_heard(receiver, lambda event: isinstance(event, BookChanged))
            for _ in range(20):
                events += await receiver.receive()

        async with feed_of(session, instrument, Channel.MARK).open() as receiver:
            market = await until_heard(receiver, lambda event: isinstance(event, Traded))
            market += await until_heard(receiver, lambda event: isinstance(event, MarkChanged))

    assert isinstance(events[0], BookSnapshot)
    assert all(isinstance(event, BookChanged) for event in events[1:])


async def test_F14_a_wrong_secret_is_refused_with_the_venues_words() -> None:
    """A signature that the venue does not accept is an AuthenticationError, and no market is traded."""
    async with open_session(keys=("TESTKEY_binance_0001", "wrong")) as session:
        with pytest.raises(Exception, match=r"[Ss]ignature") as caught:
            await session.connector.fetch_instrument("BTC-USDT")

    assert type(caught.value).__name__ == "AuthenticationError"


async def test_ed25519_keys_trade_as_well() -> None:
    """The same calls signed with an Ed25519 key are accepted."""
    keys: Any = dialect().keys

    pem = f"-----BEGIN PRIVATE KEY-----\n{keys.ed25519_private_key}\n-----END PRIVATE KEY-----\n"

    async with open_session(keys=(keys.ed25519_api_key, pem)) as session:
        instrument = await session.connector.fetch_instrument("BTC-USDT")
        settings = await session.connector.prepare(instrument, 4, PositionMode.ONE_WAY, None)

    assert settings.leverage == 4


async def test_missing_keys_are_named_for_testnet() -> None:
    """Opening testnet without a reference says which key of the file is missing."""
    context = ConnectorContext(
        clock=LoopClock(),
        connect=MemoryNetwork().connect,
        signers=References(Path(), environ={}),
        environment=Environment.TESTNET,
    )

    with pytest.raises(ConfigurationError, match=r"binance_perpetual\.api_key"):
        async with open_connector(Settings(environment=Environment.TESTNET), context):
            pass
