"""Another market's prices through a connector: which stream is read, and what each of its events comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import PluginError, SourceContext, SourceRequest
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    FeedAlive,
    MarkChanged,
    ReferenceChanged,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.testing.view import make_instrument
from perpmaker.venue import EventReceiver
from perpmaker_price_sources.external_market import REPEAT_S, open_external_market

pytestmark = pytest.mark.anyio

MARK = MarkChanged(mark=Decimal(1), index=None, funding_rate=None, next_funding_ms=None, venue_ms=0)
SNAPSHOT = BookSnapshot(bids=((9999, 5), (9998, 5)), asks=((10001, 5), (10002, 5)), venue_ms=0)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Streams are silent for seconds of virtual time."""
    return virtual_time


def changed(bids: Sequence[tuple[int, int]] = (), asks: Sequence[tuple[int, int]] = ()) -> BookChanged:
    """A change of the book."""
    return BookChanged(tuple(bids), tuple(asks), 0)


def traded(ticks: int) -> Traded:
    """Somebody's trade."""
    return Traded(ticks=ticks, lots=1, taker=Side.BUY, venue_ms=0)


@attrs.define
class ScriptedFeed:
    """A feed that says its events one batch after the other, then nothing."""

    channels: frozenset[Channel]
    stall_s: float | None
    batches: list[Sequence[Event]] = attrs.field(factory=list)
    opened: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Open."""
        self.opened += 1
        yield self

    async def receive(self) -> Sequence[Event]:
        """The next batch."""
        while not self.batches:  # noqa: ASYNC110  # a test adds to the list, and nothing tells
            await anyio.sleep(0.1)

        return self.batches.pop(0)


@attrs.define
class ScriptedConnector:
    """As much of a connector as a price source uses."""

    name: str = "scripted"
    book: ScriptedFeed = attrs.field(factory=lambda: ScriptedFeed(frozenset({Channel.BOOK}), 10.0))
    trades: ScriptedFeed = attrs.field(factory=lambda: ScriptedFeed(frozenset({Channel.MARK, Channel.TRADES}), 5.0))
    markets: list[str] = attrs.field(factory=list)

    async def fetch_instrument(self, market: str) -> Instrument:
        """The market's rules."""
        self.markets.append(market)

        return make_instrument(market=market)

    def feeds(self, _: Instrument) -> Sequence[ScriptedFeed]:
        """The streams of the market."""
        return [self.book, self.trades]


def context_of(make_context: Any, connector: ScriptedConnector, price_type: str = "mid_price") -> SourceContext:
    """A context whose external market is read through the connector."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield connector

    request = SourceRequest(market="ETH-USDT", price_type=price_type)
    context: SourceContext = make_context(request=request, connector=opened)

    return context


async def test_best_prices_follow_the_book(make_context: Any) -> None:
    """Snapshot and changes come to best bid and best ask, each with the time at which they came."""
    connector = ScriptedConnector()
    connector.book.batches = [
        [SNAPSHOT],
        [changed(bids=[(10000, 1)])],
        [changed(bids=[(10000, 0), (9999, 0)], asks=[(10001, 0)])],
        [changed(asks=[(10002, 0)])],
    ]

    async with open_external_market(context_of(make_context, connector)) as source:
        words = [await source.receive() for _ in range(4)]

    prices = [(word.bid, word.ask) for word in words]
    assert prices == [
        (Decimal("99.99"), Decimal("100.01")),
        (Decimal(100), Decimal("100.01")),
        (Decimal("99.98"), Decimal("100.02")),
        (Decimal("99.98"), None),
    ]
    assert words[-1].at == pytest.approx(anyio.current_time())
    assert (connector.markets, connector.book.opened, connector.trades.opened) == (["ETH-USDT"], 1, 0)


async def test_last_price_is_read_from_the_trades(make_context: Any) -> None:
    """For last_price the stream of trades is opened, and a heartbeat of it proves that the price still stands."""
    connector = ScriptedConnector()
    connector.trades.batches = [[MARK], [traded(10005)], [MARK, FeedAlive(channel=Channel.TRADES)]]

    async with open_external_market(context_of(make_context, connector, "last_price")) as source:
        first = await source.receive()
        assert (first.last, first.bid) == (Decimal("100.05"), None)
        connector.trades.batches.append([FeedAlive(channel=Channel.TRADES)])
        await anyio.sleep(REPEAT_S)
        again = await source.receive()
        assert (again.last, again.at) == (first.last, first.at + REPEAT_S)

    assert (connector.book.opened, connector.trades.opened) == (0, 1)


async def test_same_price_is_repeated_once_a_second(make_context: Any) -> None:
    """A book that changes behind its best prices proves alive without asking for a decision each time."""
    connector = ScriptedConnector()
    connector.book.batches = [[SNAPSHOT]]

    async with open_external_market(context_of(make_context, connector)) as source, anyio.create_task_group() as tasks:
        first = await source.receive()

        async def murmur() -> None:
            for lots in range(1, 30):
                connector.book.batches.append([changed(bids=[(9000, lots)])])
                await anyio.sleep(0.1)

        tasks.start_soon(murmur)
        second = await source.receive()
        assert attrs.evolve(second, at=0.0) == attrs.evolve(first, at=0.0)
        assert REPEAT_S <= second.at - first.at <= REPEAT_S + 0.25


async def test_lost_book_is_no_price_at_once(make_context: Any) -> None:
    """A book that cannot be trusted takes its prices back, and changes mean nothing until it is shown whole."""
    connector = ScriptedConnector()
    connector.book.batches = [[SNAPSHOT], [BookLost(reason="gap")], [changed(bids=[(9990, 1)])], [SNAPSHOT]]

    async with open_external_market(context_of(make_context, connector)) as source:
        words = [await source.receive() for _ in range(3)]

    assert [word.bid for word in words] == [Decimal("99.99"), None, Decimal("99.99")]
    assert words[1].doubt == "the external market's book is not known"


async def test_F61_silent_stream_ends_the_source(make_context: Any) -> None:
    """Silence beyond what the connector's feed allows is a lost connection, which is made again."""
    connector = ScriptedConnector()
    connector.book.batches = [[SNAPSHOT]]

    async with open_external_market(context_of(make_context, connector)) as source:
        await source.receive()
        began_at = anyio.current_time()

        with pytest.raises(ConnectivityError, match=r"silent for 10\.0 s"):
            await source.receive()

        assert anyio.current_time() - began_at == pytest.approx(10.0)


async def test_source_that_gives_references_is_passed_through(make_context: Any) -> None:
    """What a source made for it says is said unchanged."""
    word = ReferenceChanged(bid=Decimal(1), at=5.0)

    class Receiver:
        async def receive(self) -> ReferenceChanged:
            return word

    @asynccontextmanager
    async def opened() -> AsyncIterator[Receiver]:
        yield Receiver()

    async with open_external_market(make_context(source=opened)) as source:
        assert await source.receive() is word


async def test_nothing_external_is_a_mistake_of_the_caller(make_context: Any) -> None:
    """Without a connector and without a source there is nothing to read; neither is there without the stream."""
    with pytest.raises(PluginError, match="price_source_derivative"):
        async with open_external_market(make_context()):
            pass

    connector = ScriptedConnector()
    connector.trades.channels = frozenset({Channel.MARK})

    with pytest.raises(PluginError, match="scripted gives no trades"):
        async with open_external_market(context_of(make_context, connector, "last_price")):
            pass
