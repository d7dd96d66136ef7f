"""Binance's spot streams of one market: best prices and trades in one combined stream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote

import attrs

from perpmaker import ConnectivityError
from perpmaker.venue import Message, PayloadDecoder, StreamSpec, Translation, parse_amount, parse_price
from perpmaker_price_sources.binance.messages import BookTicker, Envelope, Trade
from perpmaker_price_sources.binance.rest import Best

LIFE_S = 23 * 3600.0
"""Seconds; the venue closes each connection after 24 hours (Binance spot, "WebSocket Streams")."""

_ENVELOPE = PayloadDecoder(Envelope)
_BOOK_TICKER = PayloadDecoder(BookTicker)
_TRADE = PayloadDecoder(Trade)
_BEST, _TRADES, _SHUTDOWN = "@bookTicker", "@trade", "serverShutdown"


@attrs.frozen
class Heard:
    """What a message said: the best prices after it, the price of the newest trade, or neither."""

    best: Best | None = None
    last: Decimal | None = None


def spot_stream(base: str, symbol: str) -> StreamSpec[Heard]:
    """Describe the stream of one market under a base address; five unreadable messages in a row are borne."""
    name = quote(symbol.lower(), safe="")

    async def url() -> str:
        return f"{base}/stream?streams={name}{_BEST}/{name}{_TRADES}"

    return StreamSpec(
        name="Binance's spot stream",
        url=url,
        begin=lambda _: Translation(translate=SpotTranslator(symbol).translate),
        life_s=LIFE_S,
        malformed_within_s=math.inf,
    )


class SpotTranslator:
    """Messages of one market; prices and trades that two connections bring never go back in time."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._update_id = -1
        self._trade_id = -1

    def translate(self, message: Message) -> Sequence[Heard]:
        """Translate one message; every readable one says at least that the stream is alive."""
        envelope = _ENVELOPE.decode(message)

        if envelope.stream.endswith(_BEST):
            return (self._translate_best(_BOOK_TICKER.decode(bytes(envelope.data))),)

        if envelope.stream.endswith(_TRADES):
            return (self._translate_trade(_TRADE.decode(bytes(envelope.data))),)

        if envelope.stream.endswith(_SHUTDOWN):
            raise ConnectivityError("Binance announced that it will close this connection")

        return (Heard(),)

    def _translate_best(self, ticker: BookTicker) -> Heard:
        best = Best(parse_amount(ticker.b, path="b") or None, parse_amount(ticker.a, path="a") or None)

        if ticker.s != self._symbol or ticker.u <= self._update_id:
            return Heard()

        self._update_id = ticker.u

        return Heard(best=best)

    def _translate_trade(self, trade: Trade) -> Heard:
        if trade.s != self._symbol or trade.t < self._trade_id:
            return Heard()

        price = parse_price(trade.p, path="p")
        self._trade_id = trade.t

        return Heard(last=price)
