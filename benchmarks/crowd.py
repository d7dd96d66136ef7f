"""A venue that takes every order, with the real book stream: what many markets in one process are measured with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import anyio
import attrs

from benchmarks.depth import INSTRUMENT
from perpmaker.clock import Clock
from perpmaker.connector.interface import CancelOrder, ConnectorContext, EventReceiver, Feed
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import Channel, Event
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderReport, OrderStatus, PositionMode, PositionSide
from perpmaker.model.outcome import Accepted, Outcome
from perpmaker.model.position import Balance, MarginMode, Position, VenueSettings
from perpmaker.venue import Endpoint, Parameters, RestClient, StreamFeed, VenueAccess
from perpmaker_binance_perpetual.messages import Depth
from perpmaker_binance_perpetual.streams import BOOK_STALL_S, book_stream


@attrs.frozen
class Settings:
    """What one market of the crowd is told: which account it is, where the stream is, the book to begin with."""

    account: str
    url: str
    snapshot: bytes


@attrs.define
class _Snapshots:
    """The one endpoint that the book stream asks."""

    snapshot: bytes
    clock: Clock

    async def read(self, endpoint: Endpoint[Depth], _: Parameters) -> Depth:
        """The book to begin with."""
        return endpoint.parse(self.snapshot)


class _Silence:
    """A stream on which nothing happens."""

    async def receive(self) -> Sequence[Event]:
        """Wait for ever."""
        await anyio.sleep_forever()

        return ()


@asynccontextmanager
async def _open_silence() -> AsyncIterator[EventReceiver]:
    yield _Silence()


@attrs.define
class CrowdConnector:
    """One account on one market; orders rest until they are cancelled."""

    settings: Settings
    context: ConnectorContext
    name: str = "crowd"
    fence_s: float = 3.0
    caps_resting_exits: bool = True
    resting: dict[str, OrderReport] = attrs.field(factory=dict)

    @property
    def account(self) -> str:
        """The account's name."""
        return self.settings.account

    async def fetch_instrument(self, _: str) -> Instrument:
        """Always the same market."""
        return INSTRUMENT

    async def prepare(self, _: Instrument, leverage: int, mode: PositionMode, __: MarginMode | None) -> VenueSettings:
        """All is as it should be."""
        return VenueSettings(leverage=leverage, position_mode=mode, margin_mode=MarginMode.CROSS)

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        """The connector's own book stream, and a quiet account."""
        client = cast("RestClient", _Snapshots(self.settings.snapshot, self.context.clock))
        access = VenueAccess(connect=self.context.connect, url=self.settings.url, client=client)
        account = StreamFeed(channels=frozenset({Channel.ACCOUNT}), stall_s=None, opener=_open_silence)

        return access.offer(book_stream(access, instrument), Channel.BOOK, stall_s=BOOK_STALL_S), account

    async def place(self, _: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Take every order."""
        reports = [_report(order, self.context.clock.utc_ms()) for order in orders]
        self.resting.update({report.client_id: report for report in reports})

        return [
            Accepted(client_id=report.client_id, venue_id=report.venue_id, venue_ms=report.venue_ms, report=report)
            for report in reports
        ]

    async def cancel(self, _: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take every order off."""
        for order in orders:
            self.resting.pop(order.client_id, None)

        now_ms = self.context.clock.utc_ms()

        return [Accepted(client_id=order.client_id, venue_id=order.venue_id, venue_ms=now_ms) for order in orders]

    async def fetch_order(self, _: Instrument, client_id: str, __: str | None) -> OrderReport | None:
        """What rests under this id."""
        return self.resting.get(client_id)

    async def fetch_open_orders(self, _: Instrument) -> Sequence[OrderReport]:
        """All that rests."""
        return list(self.resting.values())

    async def fetch_fills(self, _: Instrument, __: int) -> Sequence[Fill]:
        """Nobody trades."""
        return ()

    async def fetch_account(self, _: Instrument) -> AccountSnapshot:
        """Flat, with enough for everything."""
        wallet = INSTRUMENT.max_amount * 1000
        balance = Balance(asset=INSTRUMENT.quote, wallet=wallet, available=wallet)

        return AccountSnapshot(positions=(Position(side=PositionSide.NET),), assets=(balance,), available=wallet)


@asynccontextmanager
async def open_connector(settings: Settings, context: ConnectorContext) -> AsyncIterator[CrowdConnector]:
    """One market of the crowd."""
    yield CrowdConnector(settings, context)


def _report(order: NewOrder, now_ms: int) -> OrderReport:
    """The order as it rests."""
    return OrderReport(
        client_id=order.client_id,
        venue_id=order.client_id,
        side=order.side,
        position_side=order.position_side,
        status=OrderStatus.OPEN,
        raw_status="NEW",
        ticks=order.ticks,
        lots=order.lots,
        filled_lots=0,
        reduce_only=order.reduce_only,
        type=order.type,
        venue_ms=now_ms,
    )
