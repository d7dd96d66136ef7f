"""Messages of a raw capture of Binance's spot streams as market events.

Each is a message of a combined stream, `{"stream": ..., "data": ...}`, or an answer to `GET /api/v3/depth` that stands
bare.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from perpmaker import Instrument, Side
from perpmaker.venue import CapturedBook, Id, LevelTranslator, MarketEvent, PayloadDecoder, Traded

_NOTHING = msgspec.Raw(b"null")


@attrs.frozen(kw_only=True)
class Snapshot:
    """`GET /api/v3/depth`: the whole book as of an update."""

    lastUpdateId: Id
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


@attrs.frozen(kw_only=True)
class Difference:
    """`<symbol>@depth`: absolute amounts of the levels that changed from update `U` to `u`."""

    s: str
    U: Id
    u: Id
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    E: int


@attrs.frozen(kw_only=True)
class RecordedTrade:
    """`<symbol>@trade`; `m`: the buyer's order rested."""

    s: str
    p: str
    q: str
    m: bool
    T: int


@attrs.frozen(kw_only=True)
class _Envelope:
    stream: str | None = None
    data: msgspec.Raw = _NOTHING
    lastUpdateId: Id | None = None


_ENVELOPE = PayloadDecoder(_Envelope)
_SNAPSHOT = PayloadDecoder(Snapshot)
_DIFFERENCE = PayloadDecoder(Difference)
_TRADE = PayloadDecoder(RecordedTrade)


class SpotCapture:
    """One capture of one market; see `CaptureTranslator`."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._levels = LevelTranslator(instrument, exact_amounts=True)
        self._book = CapturedBook(self._levels, counts_updates=True)

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._book.is_live

    def translate(self, text: bytes) -> Sequence[MarketEvent]:
        """Translate one message; see `CaptureTranslator`."""
        envelope = _ENVELOPE.decode(text)

        if envelope.stream is None:
            if envelope.lastUpdateId is None:
                raise ValueError("neither a stream nor a depth snapshot")

            return self._restore(_SNAPSHOT.decode(text))

        # "depth" and "depth@100ms" are differences, "depth5" and "depth20@100ms" are not.
        match envelope.stream.partition("@")[2].partition("@")[0]:
            case "depth":
                return self._offer(_DIFFERENCE.decode(bytes(envelope.data)))
            case "trade":
                return self._translate_trade(_TRADE.decode(bytes(envelope.data)))

        return ()

    def _restore(self, snapshot: Snapshot) -> Sequence[MarketEvent]:
        return self._book.restore(snapshot.lastUpdateId, snapshot.bids, snapshot.asks, venue_ms=0)

    def _offer(self, update: Difference) -> Sequence[MarketEvent]:
        self._check(update.s)

        return self._book.offer(update.U, update.u, update.U - 1, update.b, update.a, venue_ms=update.E)

    def _translate_trade(self, trade: RecordedTrade) -> Sequence[MarketEvent]:
        self._check(trade.s)

        if not self.is_live:
            return ()

        ((ticks, lots),) = self._levels.translate([(trade.p, trade.q)])

        return (Traded(ticks=ticks, lots=lots, taker=Side.SELL if trade.m else Side.BUY, venue_ms=trade.T),)

    def _check(self, symbol: str) -> None:
        if symbol != self._instrument.symbol:
            raise ValueError(f"it is of the market {symbol!a}, not of {self._instrument.symbol}")
