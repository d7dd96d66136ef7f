"""Bybit's public streams as feeds: the book, and the market's prices and trades."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from perpmaker import Instrument, PayloadError
from perpmaker import venue as kit
from perpmaker_bybit_perpetual.messages import BookMessage, PublicTrade, SocketReply, Ticker, TopicMessage
from perpmaker_bybit_perpetual.signing import encode_body, socket_login
from perpmaker_bybit_perpetual.translate import translate_ticker, translate_trade

_BOOK = kit.PayloadDecoder(BookMessage)
_TOPIC = kit.PayloadDecoder(TopicMessage)
_REPLY = kit.PayloadDecoder(SocketReply)

STREAM_NAME = "Bybit's stream"
HEARTBEAT = (encode_body({"op": "ping"}), 20.0)
"""What the venue wants to hear, and every how many seconds (Bybit v5, "Connect")."""

LOGIN_MS = 10_000
"""Milliseconds for which the message that authenticates a socket is valid."""

PUBLIC_PATH = "/v5/public/linear"
STALL_S = 10.0
"""Seconds of silence after which a public stream is dead."""

SNAPSHOT_S = 5.0
"""Seconds after which a snapshot that the stream has not brought is asked for by subscribing again."""

Told = TypeVar("Told", bound=kit.Event)


def describe(
    access: kit.VenueAccess,
    path: str,
    begin: Callable[[kit.Messages], kit.Translation[Told]],
    topics: Sequence[str] = (),
    *,
    credentials: kit.Credentials | None = None,
    most_malformed: int = 5,
    renewed: Sequence[str] = (),
) -> kit.StreamSpec[Told]:
    """Describe a stream of these topics; with credentials it is authenticated by the venue's time.

    Topics that are `renewed` begin with a snapshot whenever they are subscribed.
    """
    client = access.client

    async def url() -> str:
        if credentials is not None:
            await client.now_ms()

        return f"{access.url}{path}"

    def login() -> kit.StreamRequest:
        assert credentials is not None  # noqa: S101  # see below
        message = socket_login(credentials, client.server_clock.ms() + LOGIN_MS)

        return kit.StreamRequest(name="auth", message=message)

    return kit.StreamSpec(
        name=STREAM_NAME,
        url=url,
        begin=begin,
        authenticate=None if credentials is None else login,
        subscribe=[subscription(topic) for topic in topics],
        read_reply=read_reply,
        heartbeat=HEARTBEAT,
        renewal=[subscription(topic, op).message for topic in renewed for op in ("unsubscribe", "subscribe")],
        most_malformed=most_malformed,
    )


def subscription(topic: str, op: str = "subscribe") -> kit.StreamRequest:
    """The request for one topic, under its own name: a topic that is refused must not hide another one's answer."""
    return kit.StreamRequest(name=topic, message=encode_body({"op": op, "req_id": topic, "args": [topic]}))


def read_reply(message: kit.Message) -> kit.StreamReply | None:
    """Which request a message answers: an authentication by its `op`, a subscription by the name that it was given."""
    reply = _REPLY.decode(message)

    if reply.op not in {"auth", "subscribe"}:
        return None

    name = "auth" if reply.op == "auth" else str(reply.req_id)
    words = str(reply.ret_msg or reply.retMsg)
    is_yes = reply.success is True or (reply.success is None and reply.retCode == 0)

    if is_yes or "already subscribed" in words.lower():
        return kit.StreamReply(name=name)

    return kit.StreamReply(name=name, refusal=words or "no reason given")


def read_topic(message: kit.Message) -> TopicMessage | None:
    """Read what a message is about; None for the answer to a request or to a heartbeat."""
    said = _TOPIC.decode(message)

    if said.topic:
        return said

    if said.op:
        return None

    raise kit.UnknownMessageError("without topic")


def book_stream(
    access: kit.VenueAccess, instrument: Instrument, depth: int, *, is_strict: bool = True
) -> kit.StreamSpec[kit.MarketEvent]:
    """Describe the stream of the book; it brings a snapshot first, and again whenever it is subscribed anew."""
    topic = f"orderbook.{depth}.{instrument.symbol}"

    def begin(messages: kit.Messages) -> kit.Translation[kit.MarketEvent]:
        book = BookTranslator(instrument, topic, is_strict=is_strict)

        async def ask() -> Sequence[kit.MarketEvent]:
            await messages.send(subscription(topic, "unsubscribe").message)
            await messages.send(subscription(topic).message)

            return ()

        chore = kit.SnapshotChore(book.sync, ask, access.client.clock, interval_s=SNAPSHOT_S, delay_s=SNAPSHOT_S)

        return kit.Translation(translate=book.translate, chores=(chore,))

    return describe(access, PUBLIC_PATH, begin, (topic,))


class BookTranslator:
    """The book of one topic. Another depth of the same market has numbers of its own, and is not looked at.

    `u` grows by one with each message, which the venue does not promise: `is_strict` False takes every later one as
    the next. Source: Bybit v5, "Orderbook": a snapshot replaces everything, and so does whatever has `u` 1.
    """

    def __init__(self, instrument: Instrument, topic: str, *, is_strict: bool = True) -> None:
        self.sync = kit.BookSync(kit.LevelTranslator(instrument), counts_updates=True)
        self._topic = topic
        self._is_strict = is_strict
        self._seq = 0

    def translate(self, message: kit.Message) -> Sequence[kit.MarketEvent]:
        """Translate the next message of the stream; see `Translate`."""
        try:
            said = _BOOK.decode(message)
        except PayloadError:
            if (other := read_topic(message)) is None or other.topic != self._topic:
                return ()

            raise

        if said.topic != self._topic:
            return ()

        data, venue_ms = said.data, said.cts or said.ts

        if said.type == "snapshot" or data.u == 1:
            self._seq = data.seq

            if data.b and data.a:
                return self.sync.reset(data.u, data.b, data.a, venue_ms=venue_ms)

            # No empty market: the venue restarts, or closes the market.
            return self.sync.lose("the venue shows a book without a side")

        if data.seq < self._seq:
            return self.sync.lose(f"the book's sequence went back from {self._seq} to {data.seq}")

        self._seq = data.seq
        last = self.sync.last
        previous = data.u - 1 if self._is_strict or last is None or data.u <= last else last

        return self.sync.offer(data.u, data.u, previous, data.b, data.a, venue_ms=venue_ms)


def market_stream(access: kit.VenueAccess, instrument: Instrument) -> kit.StreamSpec[kit.MarketEvent]:
    """Describe the stream of mark prices and trades."""
    ticker = f"tickers.{instrument.symbol}"

    def begin(_: kit.Messages) -> kit.Translation[kit.MarketEvent]:
        return kit.Translation(translate=MarketTranslator(instrument).translate)

    return describe(access, PUBLIC_PATH, begin, (ticker, f"publicTrade.{instrument.symbol}"), renewed=(ticker,))


class MarketTranslator:
    """Mark prices and trades. Each ticker also proves that the stream of trades is alive, however quiet."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._known: Ticker | None = None

    def translate(self, message: kit.Message) -> Sequence[kit.MarketEvent]:
        """Translate one ticker, or trades of this market; nothing for those of another one."""
        said = read_topic(message)

        if said is None:
            return ()

        kind, _, symbol = str(said.topic).partition(".")

        if kind not in {"tickers", "publicTrade"}:
            raise kit.UnknownMessageError(kind)

        if symbol != self._instrument.symbol:
            return ()

        return self._translate_ticker(said) if kind == "tickers" else self._translate_trades(bytes(said.data))

    def _translate_ticker(self, said: TopicMessage) -> Sequence[kit.MarketEvent]:
        """Merge what has changed into what is known; nothing is said before the first snapshot."""
        changed, before = kit.parser(Ticker)(bytes(said.data)), self._known
        known = changed if before is None else merged(before, changed)

        if known.markPrice is None:
            return ()

        self._known = known
        alive = kit.FeedAlive(channel=kit.Channel.TRADES)

        if known == before:
            return kit.FeedAlive(channel=kit.Channel.MARK), alive

        return translate_ticker(known, said.ts), alive

    def _translate_trades(self, data: bytes) -> Sequence[kit.MarketEvent]:
        """Translate trades; those of blocks are made beside the book, and are left out."""
        rows = kit.parser(list[PublicTrade])(data)

        return [
            translate_trade(row, self._instrument) for row in rows if row.s == self._instrument.symbol and not row.BT
        ]


def merged(before: Ticker, changed: Ticker) -> Ticker:
    """A ticker with what has changed of it."""
    news = {name: value for name in Ticker.__struct_fields__ if (value := getattr(changed, name)) is not None}

    return msgspec.structs.replace(before, **news)
