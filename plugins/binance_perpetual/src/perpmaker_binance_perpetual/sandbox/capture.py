"""Messages of a raw Binance capture as market events: of futures, and of spot where they differ in what they leave out.

Each is a message of a combined stream, `{"stream": ..., "data": ...}`, or stands bare: the event of a single stream, or
an answer to `GET /depth`.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import attrs
import msgspec

from perpmaker import Instrument, Side
from perpmaker.venue import CapturedMarket, Id, MarkChanged, MarketEvent, parse_decimal

Level: TypeAlias = tuple[str, str]

_MARKET: Final = "MARKET"
_NOTHING: Final = msgspec.Raw(b"null")


@attrs.frozen(kw_only=True)
class Snapshot:
    """`GET /depth`: the whole book as of an update."""

    lastUpdateId: Id
    bids: list[Level]
    asks: list[Level]
    T: int = 0


@attrs.frozen(kw_only=True)
class Difference:
    """`<symbol>@depth`: absolute amounts. `pu` is the `u` before it, which only futures say; `T` likewise."""

    s: str
    U: Id
    u: Id
    b: list[Level]
    a: list[Level]
    E: int
    T: int | None = None
    pu: Id | None = None


@attrs.frozen(kw_only=True)
class Trade:
    """`<symbol>@trade` with its id `t`, or `<symbol>@aggTrade` with `a`; `m`: the buyer's order rested.

    `X` other than MARKET is no trade of the market's own.
    """

    s: str
    p: str
    q: str
    m: bool
    T: int
    X: str = _MARKET
    t: Id = 0
    a: Id = 0


@attrs.frozen(kw_only=True)
class MarkPrice:
    """`<symbol>@markPrice`: mark `p`, index `i`, funding rate `r`, to be settled at `T`."""

    s: str
    p: str
    i: str
    r: str
    T: int
    E: int


@attrs.frozen(kw_only=True)
class _Envelope:
    stream: str | None = None
    data: msgspec.Raw = _NOTHING
    e: str | None = None
    lastUpdateId: Id | None = None


Message: TypeAlias = Snapshot | Difference | Trade | MarkPrice

_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_SNAPSHOT: Final = msgspec.json.Decoder(Snapshot)
_DIFFERENCE: Final = msgspec.json.Decoder(Difference)
_TRADE: Final = msgspec.json.Decoder(Trade)
_MARK: Final = msgspec.json.Decoder(MarkPrice)
_OF_STREAMS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "depth": _DIFFERENCE,
    "trade": _TRADE,
    "aggTrade": _TRADE,
    "markPrice": _MARK,
}
_OF_EVENTS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "depthUpdate": _DIFFERENCE,
    "trade": _TRADE,
    "aggTrade": _TRADE,
    "markPriceUpdate": _MARK,
}


def parse_message(text: bytes) -> Message | None:
    """Parse one message; None for a stream that makes no market (`@bookTicker`). ValueError, with words, for none."""
    try:
        return _message(text)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"its JSON is not a message of a Binance stream ({_first_line(error)})") from None


class BinanceCapture:
    """One capture of one market; see `CaptureTranslator`."""

    def __init__(self, instrument: Instrument) -> None:
        self._market = CapturedMarket(instrument)
        self._is_aggregate: bool | None = None
        self._newest_trade = 0

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._market.is_live

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Take the book for unknown; see `CaptureTranslator`."""
        self._newest_trade = 0

        return self._market.lose(reason)

    def translate(self, text: bytes) -> Sequence[MarketEvent]:
        """Translate one message; see `CaptureTranslator`.

        Trades of the insurance fund and of deleveraging are left out: they are at prices that nobody else can have.
        """
        message, market = parse_message(text), self._market

        if message is None:
            return ()

        if isinstance(message, Snapshot):
            return market.restore(message.lastUpdateId, message.bids, message.asks, venue_ms=message.T)

        market.check(message.s)

        match message:
            case Difference(U=first, u=last, pu=previous, b=bids, a=asks):
                at_ms = message.E if message.T is None else message.T
                return market.offer(first, last, previous, bids, asks, venue_ms=at_ms)
            case Trade() if not self._counts(message):
                return ()
            case Trade():
                taker = Side.SELL if message.m else Side.BUY
                return market.trade(message.p, message.q, taker, venue_ms=message.T)
            case MarkPrice():
                return (_translate_mark(message),)

    def _counts(self, trade: Trade) -> bool:
        """Whether a trade is the market's own, and new.

        Two connections that overlap bring a trade twice, and so do the two streams: the one that spoke first counts.
        """
        number = trade.a or trade.t

        if self._is_aggregate is None:
            self._is_aggregate = bool(trade.a)

        if trade.X != _MARKET or bool(trade.a) is not self._is_aggregate or 0 < number <= self._newest_trade:
            return False

        self._newest_trade = number

        return True


def _message(text: bytes) -> Message | None:
    envelope = _ENVELOPE.decode(text)

    if envelope.e is not None and envelope.stream is None:
        of_event = _OF_EVENTS.get(envelope.e)

        return None if of_event is None else cast("Message", of_event.decode(text))

    if envelope.stream is None:
        if envelope.lastUpdateId is None:
            raise ValueError("neither a stream nor a depth snapshot")

        return _SNAPSHOT.decode(text)

    # "depth" and "depth@100ms" are differences, "depth5" and "depth20@100ms" are not.
    _, name, *_ = f"{envelope.stream}@".split("@")
    decoder = _OF_STREAMS.get(name)

    return None if decoder is None else cast("Message", decoder.decode(envelope.data))


def _translate_mark(mark: MarkPrice) -> MarkChanged:
    return MarkChanged(
        mark=parse_decimal(mark.p, path="$.p"),
        index=parse_decimal(mark.i, path="$.i"),
        funding_rate=parse_decimal(mark.r, path="$.r"),
        next_funding_ms=mark.T or None,
        venue_ms=mark.E,
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
