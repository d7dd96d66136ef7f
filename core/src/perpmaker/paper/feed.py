"""The streams of a paper account: the venue's public ones, through the simulated exchange, and the account's own.

The book that is passed on is the exchange's: the venue's, with our own orders in it, as a venue would show it. It is
passed on when the venue says something, and only then, so that a silent venue is not taken for a live one.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream

from perpmaker.connector.interface import EventReceiver, Feed
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    FeedAlive,
    MarkChanged,
    MarketEvent,
    Traded,
)
from perpmaker.paper.event_translation import CHANNELS, account_events, market_event
from perpmaker.paper.venue import PaperVenue
from perpmaker.simulation.event import SimulationEvent

_WHOLE = 1_000_000


@attrs.frozen(kw_only=True)
class PublicFeed:
    """A public stream of the venue, passed on by the exchange."""

    inner: Feed
    venue: PaperVenue

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels of the venue's stream."""
        return self.inner.channels

    @property
    def stall_s(self) -> float | None:
        """The silence that the venue's stream may keep."""
        return self.inner.stall_s

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Open the venue's stream. When the book's ends, there is nothing left to trade against."""
        async with self.inner.open() as receiver:
            passed_on = _PublicReceiver(receiver, self.venue, self.channels)
            end = self.venue.exchange.subscribe(passed_on.note)

            try:
                yield passed_on
            finally:
                end()

                if Channel.BOOK in self.channels:
                    self.venue.hear(BookLost(reason="the venue's stream has ended"))


class _PublicReceiver:
    def __init__(self, inner: EventReceiver, venue: PaperVenue, channels: frozenset[Channel]) -> None:
        self._inner = inner
        self._venue = venue
        self._channels = channels
        self._news: list[Event] = []

    def note(self, event: SimulationEvent) -> None:
        """Keep what belongs to this stream until the venue says something."""
        translated = market_event(event)

        if translated is not None and CHANNELS[type(translated)] in self._channels:
            self._news.append(translated)

    async def receive(self) -> Sequence[Event]:
        """Return the next events, at least one."""
        for event in await self._inner.receive():
            self._hear(event)

        events, self._news = self._news, []

        return events or [FeedAlive(channel=channel) for channel in sorted(self._channels, key=_name)]

    def _hear(self, event: Event) -> None:
        match event:
            case BookSnapshot() | BookLost():
                self._venue.hear(event)
                self._news = [one for one in self._news if not isinstance(one, BookChanged)]
                self._news.append(event if isinstance(event, BookLost) else self._whole_book())
            case BookChanged() | Traded() | MarkChanged():
                self._venue.hear(event)
            case _:
                self._news.append(event)

    def _whole_book(self) -> MarketEvent:
        depth = self._venue.exchange.depth(_WHOLE)

        return BookSnapshot(bids=depth.bids, asks=depth.asks, venue_ms=depth.now_ms)


@attrs.frozen(kw_only=True)
class AccountFeed:
    """Everything that happens to the paper account. Silence means nothing here."""

    venue: PaperVenue
    channels: frozenset[Channel] = frozenset({Channel.ACCOUNT})
    stall_s: float | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Listen to the exchange."""
        sender, receiver = anyio.create_memory_object_stream[Event](math.inf)
        exchange = self.venue.exchange

        def note(event: SimulationEvent) -> None:
            for translated in account_events(exchange, event):
                sender.send_nowait(translated)

        end = exchange.subscribe(note)

        with sender, receiver:
            try:
                yield _AccountReceiver(receiver)
            finally:
                end()


@attrs.frozen
class _AccountReceiver:
    stream: MemoryObjectReceiveStream[Event]

    async def receive(self) -> Sequence[Event]:
        """Return the next events, all that are there."""
        events = [await self.stream.receive()]

        while self.stream.statistics().current_buffer_used:
            events.append(self.stream.receive_nowait())

        return events


def _name(channel: Channel) -> str:
    return channel.value
