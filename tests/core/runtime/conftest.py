from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.connector.interface import CancelOrder, EventReceiver, Feed
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import BookSnapshot, Channel, Event
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderReport, OrderStatus, PositionMode, PositionSide
from perpmaker.model.outcome import Accepted, Outcome, Rejected
from perpmaker.model.position import MarginMode, Position, VenueSettings
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.simulation.rules import MARKETS
from perpmaker.testing.view import make_account

INSTRUMENT = MARKETS["BTC-USDT"].instrument


@attrs.define
class FakeFeed:
    """A feed that brings what is put into it; an exception put into it ends the connection with it."""

    channels: frozenset[Channel]
    stall_s: float | None = None
    opened: list[float] = attrs.field(factory=list)
    refuse: Exception | None = None
    _news: list[Sequence[Event] | Exception] = attrs.field(factory=list)
    _arrived: anyio.Event = attrs.field(factory=anyio.Event)

    def bring(self, news: Sequence[Event] | Exception) -> None:
        """Let the receiver have these events, or this end."""
        self._news.append(news)
        self._arrived.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Connect, unless it is refused."""
        self.opened.append(anyio.current_time())

        if self.refuse is not None:
            raise self.refuse

        yield self

    async def receive(self) -> Sequence[Event]:
        """The next news."""
        if not self._news:
            self._arrived = anyio.Event()
            await self._arrived.wait()

        news = self._news.pop(0)

        if isinstance(news, Exception):
            raise news

        return news


@attrs.define
class FakeConnector:
    """A venue in a dictionary: takes every order, gives every order back, until told otherwise by `fail`."""

    name: str = "fake"
    account: str = "me"
    fence_s: float = 3.0
    caps_resting_exits: bool = True
    orders: dict[str, OrderReport] = attrs.field(factory=dict)
    gone: dict[str, OrderReport] = attrs.field(factory=dict)
    fill_list: list[Fill] = attrs.field(factory=list)
    position: Position = attrs.field(factory=lambda: Position(side=PositionSide.NET))
    fail: Callable[[str], Exception | None] = lambda _: None
    watch: Callable[[NewOrder], None] = lambda _: None
    asked: list[str] = attrs.field(factory=list)
    book: FakeFeed = attrs.field(factory=lambda: FakeFeed(frozenset({Channel.BOOK})))
    private: FakeFeed = attrs.field(factory=lambda: FakeFeed(frozenset({Channel.ACCOUNT})))

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        error = self.fail(what)

        if error is not None:
            raise error

    async def fetch_instrument(self, market: str) -> Instrument:
        """The one market."""
        self._ask(f"instrument {market}")
        return INSTRUMENT

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set as asked."""
        del instrument
        self._ask("prepare")
        return VenueSettings(
            leverage=leverage, position_mode=position_mode, margin_mode=margin_mode or MarginMode.CROSS
        )

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        """The book and the account."""
        del instrument
        return (self.book, self.private)

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Take the orders."""
        del instrument
        self._ask("place")
        return [self._take(order) for order in orders]

    def _take(self, order: NewOrder) -> Outcome:
        self.watch(order)
        report = OrderReport(
            client_id=order.client_id,
            venue_id=f"v{order.client_id}",
            side=order.side,
            position_side=order.position_side,
            status=OrderStatus.OPEN,
            raw_status="NEW",
            ticks=order.ticks,
            lots=order.lots,
            filled_lots=0,
            reduce_only=order.reduce_only,
            type=order.type,
            venue_ms=len(self.asked),
        )
        self.orders[order.client_id] = report

        return Accepted(client_id=order.client_id, venue_id=report.venue_id, venue_ms=report.venue_ms, report=report)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take the orders off."""
        del instrument
        self._ask("cancel")
        return [self._take_off(order.client_id) for order in orders]

    def _take_off(self, client_id: str) -> Outcome:
        if client_id not in self.orders:
            return Rejected(client_id=client_id, refusal=Refusal(reason=RefusalReason.NOT_FOUND, text="no such order"))

        report = attrs.evolve(self.orders.pop(client_id), status=OrderStatus.CANCELLED, venue_ms=len(self.asked))
        self.gone[client_id] = report

        return Accepted(client_id=client_id, venue_id=report.venue_id, venue_ms=report.venue_ms, report=report)

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """What became of an order."""
        del instrument, venue_id
        self._ask(f"order {client_id}")
        return self.orders.get(client_id) or self.gone.get(client_id)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """What rests."""
        del instrument
        self._ask("open_orders")
        return list(self.orders.values())

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """What was executed."""
        del instrument
        self._ask("fills")
        return [fill for fill in self.fill_list if fill.venue_ms >= since_ms]

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """What is held, and what there is."""
        del instrument
        self._ask("account")
        return make_account(self.position, wallet="10000")


@pytest.fixture
def connector() -> FakeConnector:
    """A venue that works, with a book of two levels."""
    connector = FakeConnector()
    connector.book.bring([BookSnapshot(bids=((599_000, 1000),), asks=((601_000, 1000),), venue_ms=1)])

    return connector


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """The engine's tests are about time."""
    return virtual_time
