"""Messages of a raw Binance capture as market events: of futures, and of spot where they differ in what they leave out.

Each is a message of a combined stream, `{"stream": ..., "data": ...}`, or an answer to `GET /depth` that stands bare.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import attrs
import msgspec

from perpmaker import Instrument, Side
from perpmaker.venue import CapturedBook, Id, LevelTranslator, MarkChanged, MarketEvent, Traded, parse_decimal

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
    """`<symbol>@trade`; `m`: the buyer's order rested. `X` other than MARKET is no trade of the market's own."""

    s: str
    p: str
    q: str
    m: bool
    T: int
    X: str = _MARKET


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
    lastUpdateId: Id | None = None


Message: TypeAlias = Snapshot | Difference | Trade | MarkPrice

_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_SNAPSHOT: Final = msgspec.json.Decoder(Snapshot)
_OF_STREAMS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "depth": msgspec.json.Decoder(Difference),
    "trade": msgspec.json.Decoder(Trade),
    "markPrice": msgspec.json.Decoder(MarkPrice),
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
        self._instrument = instrument
        self._levels = LevelTranslator(instrument, exact_amounts=True)
        self._book: CapturedBook | None = None
        self._early: Snapshot | None = None

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._book is not None and self._book.is_live

    def translate(self, text: bytes) -> Sequence[MarketEvent]:
        """Translate one message; see `CaptureTranslator`."""
        message = parse_message(text)

        if message is None:
            return ()

        if isinstance(message, Snapshot):
            return self._restore(message)

        if message.s != self._instrument.symbol:
            raise ValueError(f"it is of the market {message.s!a}, not of {self._instrument.symbol}")

        match message:
            case Difference():
                return self._offer(message)
            case Trade():
                return self._translate_trade(message)
            case MarkPrice():
                return (_translate_mark(message),)

    def _restore(self, snapshot: Snapshot) -> Sequence[MarketEvent]:
        if self._book is None:
            self._early = snapshot
            return ()

        return _join(self._book, snapshot)

    def _offer(self, update: Difference) -> Sequence[MarketEvent]:
        """Take a difference. Futures name the update before it; in spot the numbers have no holes."""
        if self._book is None:
            self._book = CapturedBook(self._levels, counts_updates=update.pu is None)

            if self._early is not None:
                _join(self._book, self._early)

        previous = update.U - 1 if update.pu is None else update.pu
        at_ms = update.E if update.T is None else update.T

        return self._book.offer(update.U, update.u, previous, update.b, update.a, venue_ms=at_ms)

    def _translate_trade(self, trade: Trade) -> Sequence[MarketEvent]:
        """Translate a trade; the insurance fund's and deleveraging are at prices that nobody else can have.

        Before the book is known there is nobody whom it could concern.
        """
        if trade.X != _MARKET or not self.is_live:
            return ()

        ((ticks, lots),) = self._levels.translate([(trade.p, trade.q)])

        return (Traded(ticks=ticks, lots=lots, taker=Side.SELL if trade.m else Side.BUY, venue_ms=trade.T),)


def _join(book: CapturedBook, snapshot: Snapshot) -> Sequence[MarketEvent]:
    return book.restore(snapshot.lastUpdateId, snapshot.bids, snapshot.asks, venue_ms=snapshot.T)


def _message(text: bytes) -> Message | None:
    envelope = _ENVELOPE.decode(text)

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
