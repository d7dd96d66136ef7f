"""The Indexer's WebSocket: one connection for each feed, its messages numbered, and a block height on each of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs
import msgspec

from perpmaker import ConnectivityError, Instrument, PayloadError
from perpmaker.venue import (
    Channel,
    Chore,
    Connect,
    Event,
    FeedAlive,
    LevelTranslator,
    MarketEvent,
    Message,
    Messages,
    RenewalChore,
    RestClient,
    RowReader,
    StreamFeed,
    StreamReply,
    StreamRequest,
    StreamSpec,
    Tape,
    Translation,
    UnknownMessageError,
    open_stream,
    parser,
)

from . import messages, rest
from .book import UncrossedBook
from .chain import BlockClock
from .translate import MarkState, translate_trade

STREAM_NAME = "dYdX's stream"
BLOCKS = "v4_block_height"
BOOK, TRADES, MARKETS, SUBACCOUNTS = "v4_orderbook", "v4_trades", "v4_markets", "v4_subaccounts"

STALL_S = 15.0
"""Seconds of silence. A block comes every second or so, and its height on every connection."""

CONNECTED = "connected"
_DATA = frozenset({"channel_data", "channel_batch_data"})
_ALREADY = "already subscribed"

Read = Callable[[str, Sequence[bytes], bool], Sequence[Event]]
"""What a channel's contents say; the last argument is True for the beginning of a subscription."""


@attrs.frozen(kw_only=True)
class StreamAccess:
    """What every stream needs: the network, the stream's base URL, REST beside it, and the chain's clock."""

    connect: Connect
    url: str
    client: RestClient
    blocks: BlockClock
    tape: Tape | None = None

    def offer(self, stream: StreamSpec[Event], *channels: Channel) -> StreamFeed:
        """Offer a stream that keeps these channels alive."""
        return StreamFeed(
            channels=frozenset(channels),
            stall_s=STALL_S,
            opener=partial(
                open_stream,
                stream,
                self.connect,
                self.client.clock,
                tape=self.tape,
                has_book=Channel.BOOK in channels,
            ),
        )

    def describe(
        self,
        topics: Mapping[str, str | None],
        begin: Callable[[], tuple[Read, Sequence[Chore[Event]]]],
        *,
        most_malformed: int = 5,
    ) -> StreamSpec[Event]:
        """Describe a connection with these channels, by the id that each is subscribed with."""

        def start(_: Messages) -> Translation[Event]:
            read, chores = begin()

            return Translation(translate=Connection(read, self.blocks, len(topics) + 1).translate, chores=chores)

        async def url() -> str:
            return f"{self.url}/v4/ws"

        return StreamSpec(
            name=STREAM_NAME,
            url=url,
            begin=start,
            subscribe=[subscription(channel, name) for channel, name in {**topics, BLOCKS: None}.items()],
            read_reply=read_reply,
            most_malformed=most_malformed,
        )


def subscription(channel: str, name: str | None) -> StreamRequest:
    """Ask for a channel; only those of a market's book, trades and prices are batched."""
    said: dict[str, object] = {"type": "subscribe", "channel": channel}

    if name is not None:
        said["id"] = name

    if channel in {BOOK, TRADES, MARKETS}:
        said["batched"] = True

    return StreamRequest(name=channel, message=json.dumps(said))


def read_reply(message: Message) -> StreamReply | None:
    """Read which subscription a message answers; an error may not say of which, and ends the connection."""
    envelope = parser(messages.Envelope)(message)

    if envelope.type == "subscribed":
        return StreamReply(name=envelope.channel)

    if envelope.type != "error" or _ALREADY in envelope.message:
        return None

    if not envelope.channel:
        raise ConnectivityError(f"{STREAM_NAME} answered with an error: {envelope.message:.200}")

    return StreamReply(name=envelope.channel, refusal=envelope.message[:200])


class Numbers:
    """The numbers of one connection's messages, by which a lost one is known.

    Each outgoing message has the next number; but that of a subscription's first answer is given when it is asked for,
    so that it may come after higher ones.
    """

    def __init__(self) -> None:
        self._newest = 0
        self._missing: set[int] = set()

    def begin(self, number: int) -> None:
        """Begin in the middle, with this number."""
        self._newest = number - 1

    def is_repeated(self, number: int) -> bool:
        """Take the next number, and return whether it came before."""
        if number > self._newest:
            self._missing.update(range(self._newest + 1, number))
            self._newest = number

            return False

        if number in self._missing:
            self._missing.remove(number)

            return False

        return number != 0

    def forget(self) -> None:
        """Take what is missing for lost; it is not told again."""
        self._missing.clear()

    def lost(self, *, awaits_answers: bool, patience: int = sys.maxsize) -> int | None:
        """Return the number of a lost message; None where there is none.

        While answers are awaited, one may be theirs that is missing; but not when so many have come after it.
        """
        if not self._missing:
            return None

        oldest = min(self._missing)

        return None if awaits_answers and self._newest - oldest <= patience else oldest


class Connection:
    """Takes the messages of one stream apart, and sees to it that none of a connection is lost.

    `subscriptions` are asked for on each connection.
    """

    def __init__(self, read: Read, blocks: BlockClock, subscriptions: int) -> None:
        self._read = read
        self._blocks = blocks
        self._subscriptions = subscriptions
        self._awaited = subscriptions
        self._name: object = None
        self._numbers = Numbers()

    def translate(self, message: Message) -> Sequence[Event]:
        """Translate one message; ConnectivityError where one before it is lost, or the stream has ended."""
        envelope = parser(messages.Envelope)(message)

        if envelope.type == CONNECTED or envelope.connection_id != self._name:
            self._name, self._numbers, self._awaited = envelope.connection_id, Numbers(), self._subscriptions

        if self._numbers.is_repeated(envelope.message_id):
            return ()

        is_first = envelope.type == "subscribed"
        self._awaited -= is_first
        lost = self._numbers.lost(awaits_answers=self._awaited > 0)

        if lost is not None:
            raise ConnectivityError(f"{STREAM_NAME} has lost message {lost}")

        if envelope.type == "error":
            if _ALREADY in envelope.message:
                return ()

            raise ConnectivityError(f"{STREAM_NAME} answered with an error: {envelope.message:.200}")

        if envelope.type in _DATA or is_first:
            return self._contents(envelope, is_first=is_first)

        if envelope.type not in {CONNECTED, "unsubscribed", "pong"}:
            raise UnknownMessageError(envelope.type[:40])

        return ()

    def _contents(self, envelope: messages.Envelope, *, is_first: bool) -> Sequence[Event]:
        contents = contents_of(envelope)

        if envelope.channel == BLOCKS:
            for one in contents:
                self._observe(parser(messages.Height)(one))

        return self._read(envelope.channel, contents, is_first)

    def _observe(self, said: messages.Height) -> None:
        height = said.block_height if said.height is None else said.height

        if height is None:
            raise PayloadError("a block without its height")

        self._blocks.hear(height, rest.epoch_ms(said.time) if said.time else 0)


def contents_of(envelope: messages.Envelope) -> Sequence[bytes]:
    """What a message of a channel says, one or several in a batch."""
    raw = bytes(envelope.contents)

    if envelope.type == "channel_batch_data":
        return [bytes(one) for one in parser(list[msgspec.Raw])(raw)]

    return [raw]


# --- a market ---------------------------------------------------------------------------------------------------------


def book_stream(access: StreamAccess, instrument: Instrument) -> StreamSpec[Event]:
    """Describe the stream of the book. A lost message ends it: the next connection begins with a whole book.

    A recording that begins anew has the book by REST: a channel that is left is not told anew so soon.
    """
    client = access.client
    renew = partial(client.read, rest.at(rest.ORDER_BOOK, ticker=instrument.symbol))

    def begin() -> tuple[Read, Sequence[Chore[Event]]]:
        book = UncrossedBook(LevelTranslator(instrument))
        now_ms = client.server_clock.ms

        def read(channel: str, contents: Sequence[bytes], is_first: bool) -> Sequence[Event]:  # as Read
            if channel == BLOCKS:
                return (FeedAlive(channel=Channel.BOOK),)

            if is_first:
                return book.reset(parser(messages.Book)(contents[0]), now_ms())

            return book.offer([parser(messages.BookUpdate)(one) for one in contents], now_ms())

        return read, (RenewalChore(renew, client.clock),)

    return access.describe({BOOK: instrument.symbol}, begin, most_malformed=0)


def market_stream(
    access: StreamAccess, instrument: Instrument, observe: Callable[[str, MarkState], object]
) -> StreamSpec[Event]:
    """Describe the stream of oracle prices and trades; `observe` is given what is known of the price."""

    def begin() -> tuple[Read, Sequence[Chore[Event]]]:
        return MarketTranslator(instrument, access.client.server_clock.ms, observe).read, ()

    return access.describe({MARKETS: None, TRADES: instrument.symbol}, begin)


class MarketTranslator:
    """Oracle prices and trades. Each block also proves that both are alive, however quiet."""

    def __init__(
        self, instrument: Instrument, now_ms: Callable[[], int], observe: Callable[[str, MarkState], object]
    ) -> None:
        self._instrument = instrument
        self._now_ms = now_ms
        self._observe = observe
        self._mark = MarkState()
        self._newest = ""
        self._reader: RowReader[messages.Head] = rest.row_reader()

    def read(self, channel: str, contents: Sequence[bytes], is_first: bool) -> Sequence[Event]:  # as Read
        """Read one channel's contents."""
        if channel == BLOCKS:
            return FeedAlive(channel=Channel.MARK), FeedAlive(channel=Channel.TRADES)

        if channel == TRADES:
            return [event for one in contents for event in self._trades(one, is_first=is_first)]

        return [event for one in contents for event in self._markets(parser(messages.MarketUpdates)(one))]

    def _markets(self, said: messages.MarketUpdates) -> Sequence[MarketEvent]:
        symbol, found = self._instrument.symbol, None

        for table in (said.markets, said.trading, said.oracle_prices):
            if symbol in table:
                update = parser(messages.MarketUpdate)(bytes(table[symbol]))
                found = self._mark.take(update, self._now_ms()) or found

        if found is None:
            return ()

        self._observe(symbol, self._mark)

        return (found,)

    def _trades(self, body: bytes, *, is_first: bool) -> Sequence[MarketEvent]:
        """Translate trades once each, oldest first: their ids grow. Those before the subscription are history."""
        rows = self._reader.read(parser(messages.Trades)(body).trades, parser(messages.Trade), "trades")
        new = sorted((row for row in rows if row.id > self._newest), key=lambda row: row.id)
        self._newest = new[-1].id if new else self._newest

        if is_first:
            return ()

        found = self._reader.translate(
            new, lambda row: translate_trade(row, self._instrument), "trades", lambda _: False
        )

        return [trade for trade in found if trade is not None]
