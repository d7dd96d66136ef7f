"""The price source `external_market`: another market's prices, through a connector or a source made for it.

A connector's streams carry much that nobody needs here, so only the one that the price type hangs on is opened: the
book, or for `last_price` the trades. The traded market's own connector is not shared: what it does to the orders of a
run must not depend on what somebody reads beside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio

from perpmaker import (
    Clock,
    ConnectivityError,
    Instrument,
    PluginError,
    ReferenceChanged,
    ReferenceReceiver,
    SourceContext,
)
from perpmaker.venue import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    DerivativeConnector,
    Event,
    EventReceiver,
    Feed,
    FeedAlive,
    Traded,
)
from perpmaker_price_sources.touch import Touch

REPEAT_S = 1.0
"""An unchanged price is repeated this often while its stream proves alive."""


@asynccontextmanager
async def open_external_market(context: SourceContext) -> AsyncIterator[ReferenceReceiver]:
    """Open what price_source_derivative names; a source that gives references itself is passed through."""
    if context.source is not None:
        async with context.source() as receiver:
            yield receiver
    elif context.connector is not None:
        async with context.connector() as connector, _open_market(connector, context) as receiver:
            yield receiver
    else:
        raise PluginError("external_market was opened without a market: price_source_derivative names it")


@asynccontextmanager
async def _open_market(connector: DerivativeConnector, context: SourceContext) -> AsyncIterator[ReferenceReceiver]:
    request = context.request
    channel = Channel.TRADES if request.price_type == "last_price" else Channel.BOOK
    instrument = await connector.fetch_instrument(request.market)
    feed = next((feed for feed in connector.feeds(instrument) if channel in feed.channels), None)

    if feed is None:
        raise PluginError(f"{connector.name} gives no {channel.value}: price_type = {request.price_type!r} needs them")

    async with feed.open() as receiver:
        yield MarketReceiver(feed, channel, receiver, instrument, context.clock)


class MarketReceiver:
    """References out of one stream of a connector, one whenever they change, and one each `REPEAT_S` while it lives."""

    def __init__(
        self, feed: Feed, channel: Channel, receiver: EventReceiver, instrument: Instrument, clock: Clock
    ) -> None:
        self._stall_s = feed.stall_s
        self._channel = channel
        self._receiver = receiver
        self._instrument = instrument
        self._clock = clock
        self._touch = Touch(instrument)
        self._last: Decimal | None = None
        self._given: ReferenceChanged | None = None

    async def receive(self) -> ReferenceChanged:
        """The next reference; ConnectivityError when the stream ended or is silent for longer than it should be."""
        while True:
            word = self._take(await self._events())

            if word is not None:
                self._given = word
                return word

    async def _events(self) -> Sequence[Event]:
        try:
            with anyio.fail_after(self._stall_s):
                return await self._receiver.receive()
        except TimeoutError as error:
            raise ConnectivityError(f"the external market was silent for {self._stall_s} s") from error

    def _take(self, events: Sequence[Event]) -> ReferenceChanged | None:
        """Fold events; the reference that they come to, unless it would only repeat a recent one."""
        alive = [self._fold(event) for event in events]

        if not any(alive):
            return None

        bid, ask = self._touch.prices
        now, given = self._clock.now(), self._given

        if given is not None and (bid, ask, self._last) == (given.bid, given.ask, given.last):
            return None if now < given.at + REPEAT_S else ReferenceChanged(bid=bid, ask=ask, last=self._last, at=now)

        doubt = "the external market's book is not known" if isinstance(events[-1], BookLost) else ""

        return ReferenceChanged(bid=bid, ask=ask, last=self._last, doubt=doubt, at=now)

    def _fold(self, event: Event) -> bool:
        """Take in one event; whether it proves that our channel is alive."""
        match event:
            case BookSnapshot() | BookChanged() | BookLost():
                self._touch.fold(event)
                return self._channel is Channel.BOOK
            case Traded(ticks=ticks):
                self._last = self._instrument.price(ticks)
                return self._channel is Channel.TRADES
            case FeedAlive(channel=channel):
                return channel is self._channel
            case _:
                return False
