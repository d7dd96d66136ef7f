"""A stream as a table of its topics: what is sent, how what comes is read, and what each topic's rows say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import attrs

from perpmaker.connector.payload import parser
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import Channel, Event, FeedAlive, MarkChanged, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, OrderReport
from perpmaker.venue.access import VenueAccess
from perpmaker.venue.book_sync import BookSync
from perpmaker.venue.keys import Credentials
from perpmaker.venue.levels import Levels, LevelTranslator
from perpmaker.venue.receiver import Message, Messages, SnapshotChore
from perpmaker.venue.stream import StreamFeed, StreamReply, StreamRequest, StreamSpec, Translation
from perpmaker.venue.stream_events import events_of
from perpmaker.venue.tolerance import UnknownMessageError

_EVERYTHING = frozenset(Channel) - {Channel.REFERENCE}


@attrs.frozen(kw_only=True)
class BookUpdate:
    """What a stream says of the book; see `BookSync`.

    Args:
        last: number of the last update that it covers.
        bids: levels with their absolute amounts.
        asks: the same of the other side.
        venue_ms: the venue's time.
        previous: the update that it continues; None where it is a snapshot, which replaces everything.
        first: number of the first update that it covers; None for the one after `previous`.
    """

    last: int
    bids: Levels
    asks: Levels
    venue_ms: int
    previous: int | None = None
    first: int | None = None


Told: TypeAlias = BookUpdate | OrderReport | Fill | AccountSnapshot | Event
"""What a row of a stream says: the model's values, or an event."""

Request: TypeAlias = tuple[str, Message]
"""A message that the venue answers, behind the name that its answer is recognised by."""


@attrs.frozen(kw_only=True)
class Stream:
    """One stream of a venue for a market. What cannot be read ends one that brings the account: it may be a fill.

    A mark price proves that the trades of the same stream are heard as well, however quiet they are.

    Args:
        path: behind the venue's base URL of streams.
        frame: the shape of every message.
        topic: the topic of a frame; None for one that is not of this market, or none at all, as a reply is.
        data: the row of a frame.
        topics: by topic the shape of its row, and what the row says of a market; every other one is counted.
        subscribe: requests, sent at once; those of `account` with a key alone.
        account: the same for what only the account hears.
        login: the request that shows who we are, by the key and the venue's time, milliseconds; None for none.
        read_reply: the name of the request that a frame answers, and the venue's words where they are a no, else empty.
        snapshot: a message that asks for the book anew; None where the venue has none.
        snapshot_s: seconds after which it is asked for, where the stream brings no snapshot by itself.
        counts_updates: see `BookSync`.
        channels: what is heard as long as the stream is.
        heartbeat: a message, and after how many seconds it is sent again.
        life_s: seconds after which the next connection is opened.
        stall_s: seconds of silence after which the stream is dead; None where silence means nothing.
        measure_every_s: seconds after which the venue's clock is measured again.
    """

    path: str
    frame: type[Any]
    topic: Callable[[Any], str | None]
    data: Callable[[Any], bytes]
    topics: Mapping[str, tuple[Any, Callable[[Any, Instrument], Told]]]
    subscribe: Sequence[Request] = ()
    account: Sequence[Request] = ()
    login: Callable[[Credentials, int], Request] | None = None
    read_reply: Callable[[Any], tuple[str, str] | None] = lambda _: None
    snapshot: Message | None = None
    snapshot_s: float = 3.0
    counts_updates: bool = False
    channels: frozenset[Channel] = _EVERYTHING
    heartbeat: tuple[Message, float] | None = None
    life_s: float = math.inf
    stall_s: float | None = None
    measure_every_s: float | None = None

    def feed(self, access: VenueAccess, instrument: Instrument) -> StreamFeed:
        """Offer the stream for a market."""
        client, keys, login = access.client, access.credentials, self.login
        asked = self.subscribe if keys is None else (*self.subscribe, *self.account)

        spec = StreamSpec[Event](
            name=f"{client.venue}'s stream",
            url=f"{access.url}{self.path}",
            begin=partial(self._begin, access, instrument),
            authenticate=None
            if keys is None or login is None
            else lambda: _request(login(keys, client.server_clock.ms())),
            subscribe=tuple(map(_request, asked)),
            read_reply=self._read_reply,
            heartbeat=self.heartbeat,
            life_s=self.life_s,
            most_malformed=0 if Channel.ACCOUNT in self.channels else 5,
        )

        return access.offer(spec, *self.channels, stall_s=self.stall_s, measure_every_s=self.measure_every_s)

    def _begin(self, access: VenueAccess, instrument: Instrument, connection: Messages) -> Translation[Event]:
        book = BookSync(LevelTranslator(instrument), counts_updates=self.counts_updates)
        translate = partial(self._translate, book, instrument)

        if self.snapshot is None:
            return Translation(translate=translate)

        ask = partial(_ask_again, connection, self.snapshot)
        chore = SnapshotChore(book, ask, access.client.clock, delay_s=self.snapshot_s)

        return Translation(translate=translate, chores=(chore,))

    def _read_reply(self, message: Message) -> StreamReply | None:
        found = self.read_reply(parser(self.frame)(message))

        return None if found is None else StreamReply(name=found[0], refusal=found[1])

    def _translate(self, book: BookSync, instrument: Instrument, message: Message) -> Sequence[Event]:
        frame = parser(self.frame)(message)
        topic = self.topic(frame)

        if topic is None:
            return ()

        if topic not in self.topics:
            raise UnknownMessageError(topic)

        shape, translate = self.topics[topic]
        told = translate(parser(shape)(bytes(self.data(frame))), instrument)

        if isinstance(told, BookUpdate):
            return _join(book, told)

        events = events_of(told)
        proves_trades = isinstance(told, MarkChanged) and Channel.TRADES in self.channels

        return (*events, FeedAlive(channel=Channel.TRADES)) if proves_trades else events


def _join(book: BookSync, update: BookUpdate) -> Sequence[Event]:
    previous, last = update.previous, update.last

    if previous is None:
        return book.reset(last, update.bids, update.asks, venue_ms=update.venue_ms)

    first = previous + 1 if update.first is None else update.first

    return book.offer(first, last, previous, update.bids, update.asks, venue_ms=update.venue_ms)


def _request(request: Request) -> StreamRequest:
    name, message = request

    return StreamRequest(name=name, message=message)


async def _ask_again(connection: Messages, message: Message) -> Sequence[MarketEvent]:
    await connection.send(message)

    return ()
