"""Binance's streams as feeds: the book, and the market's prices and trades.

Since 2026-04 the venue has one path for each class: `/public` the book, `/market` mark price and trades, `/private`
the account. Market streams subscribed on another path are acknowledged there and then stay silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from perpmaker import ConnectivityError, Instrument, PayloadError
from perpmaker import venue as kit
from perpmaker_binance_perpetual import messages, rest
from perpmaker_binance_perpetual.translate import translate_mark, translate_trade

_STREAM_EVENT = kit.PayloadDecoder(messages.StreamEvent)
_DEPTH_UPDATE = kit.PayloadDecoder(messages.DepthUpdate)
_MARK_PRICE = kit.PayloadDecoder(messages.MarkPriceUpdate)
_AGGREGATE_TRADE = kit.PayloadDecoder(messages.AggregateTrade)

STREAM_NAME = "Binance's stream"

LIFE_S = 23 * 3600.0
"""Seconds; the venue closes each connection after 24 hours (Binance USDⓈ-M futures, "Websocket Market Streams")."""

BOOK_STALL_S = 10.0
MARKET_STALL_S = 5.0
"""Seconds of silence; the mark price comes every second."""


def stream_prefix(instrument: Instrument) -> str:
    """Return the symbol as its streams' names begin, in a URL: lower case, and percent-encoded beyond ASCII."""
    return quote(instrument.symbol.lower(), safe="")


def book_stream(access: kit.VenueAccess, instrument: Instrument) -> kit.StreamSpec[kit.MarketEvent]:
    """Describe the stream of differences, with snapshots from REST: a snapshot first, and again after each gap."""
    url = f"{access.url}/public/ws/{stream_prefix(instrument)}@depth@100ms"

    def begin(_: kit.Messages) -> kit.Translation[kit.MarketEvent]:
        book = DepthTranslator(instrument)

        async def ask() -> Sequence[kit.MarketEvent]:
            return book.restore(await fetch_depth(access.client, instrument))

        return kit.Translation(
            translate=book.translate, chores=(kit.SnapshotChore(book.sync, ask, access.client.clock),)
        )

    return kit.StreamSpec(name=STREAM_NAME, url=url, begin=begin, life_s=LIFE_S)


def market_stream(access: kit.VenueAccess, instrument: Instrument) -> kit.StreamSpec[kit.MarketEvent]:
    """Describe the stream of mark prices and trades."""
    symbol = stream_prefix(instrument)
    url = f"{access.url}/market/ws/{symbol}@markPrice@1s/{symbol}@aggTrade"

    def begin(_: kit.Messages) -> kit.Translation[kit.MarketEvent]:
        return kit.Translation(translate=MarketTranslator(instrument).translate)

    return kit.StreamSpec(name=STREAM_NAME, url=url, begin=begin, life_s=LIFE_S)


async def fetch_depth(client: kit.RestClient, instrument: Instrument) -> messages.Depth:
    """Ask for the book, as many levels a side as the venue shows."""
    return await client.read(rest.DEPTH, {"symbol": instrument.symbol, "limit": rest.DEPTH_LEVELS})


class DepthTranslator:
    """The book of one market out of its stream and of the snapshots that REST gives.

    The `pu` of each difference names the `u` of the one before it; update ids are not contiguous. Source: USDⓈ-M
    futures, "How to manage a local order book correctly".
    """

    def __init__(self, instrument: Instrument) -> None:
        self.sync = kit.BookSync(kit.LevelTranslator(instrument))

    def translate(self, message: kit.Message) -> Sequence[kit.MarketEvent]:
        """Translate the next message of the stream; see `Translate`."""
        try:
            update = _DEPTH_UPDATE.decode(message)

            return self.sync.offer(update.U, update.u, update.pu, update.b, update.a, venue_ms=update.T)
        except PayloadError as error:
            raise explain(error, message, "depthUpdate") from None

    def restore(self, snapshot: messages.Depth) -> Sequence[kit.MarketEvent]:
        """Take a snapshot of `GET /fapi/v1/depth`."""
        return self.sync.restore(snapshot.lastUpdateId, snapshot.bids, snapshot.asks, venue_ms=snapshot.T)


class MarketTranslator:
    """Mark prices and trades. Each mark price also proves that the stream of trades is alive, however quiet."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._newest_id = 0

    def translate(self, message: kit.Message) -> Sequence[kit.MarketEvent]:
        """Translate one mark price or trade of this market; nothing for those of another one."""
        name = read_event(message)

        if name == "aggTrade":
            return self._translate_trade(_AGGREGATE_TRADE.decode(message))

        if name == "markPriceUpdate":
            mark = _MARK_PRICE.decode(message)

            if mark.s == self._instrument.symbol:
                return translate_mark(mark), kit.FeedAlive(channel=kit.Channel.TRADES)

            return ()

        raise kit.UnknownMessageError(name)

    def _translate_trade(self, trade: messages.AggregateTrade) -> Sequence[kit.MarketEvent]:
        """Translate a trade once, also when two connections bring it."""
        if trade.s != self._instrument.symbol or 0 < trade.a <= self._newest_id:
            return ()

        self._newest_id = trade.a

        return (translate_trade(trade, self._instrument),)


def read_event(message: kit.Message) -> str:
    """Read the name of a streamed event; ConnectivityError when it announces the server's end."""
    event = _STREAM_EVENT.decode(message).e
    name = event if isinstance(event, str) else ""

    if name == "serverShutdown":
        raise ConnectivityError("Binance announced that it will close this connection")

    return name


def explain(error: PayloadError, message: kit.Message, expected: str) -> PayloadError:
    """Say why a message is not the expected event: it cannot be read, or it is an event of another kind."""
    try:
        name = read_event(message)
    except PayloadError:
        return error

    return error if name in {"", expected} else kit.UnknownMessageError(name)
