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
from perpmaker.venue import CapturedMarket, Id, MarketEvent, PayloadDecoder

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
        self._market = CapturedMarket(instrument)

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._market.is_live

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Take the book for unknown; see `CaptureTranslator`."""
        return self._market.lose(reason)

    def translate(self, text: bytes) -> Sequence[MarketEvent]:
        """Translate one message; see `CaptureTranslator`."""
        envelope, market = _ENVELOPE.decode(text), self._market

        if envelope.stream is None:
            if envelope.lastUpdateId is None:
                raise ValueError("neither a stream nor a depth snapshot")

            snapshot = _SNAPSHOT.decode(text)

            return market.restore(snapshot.lastUpdateId, snapshot.bids, snapshot.asks)

        # "depth" and "depth@100ms" are differences, "depth5" and "depth20@100ms" are not.
        match envelope.stream.partition("@")[2].partition("@")[0]:
            case "depth":
                update = _DIFFERENCE.decode(bytes(envelope.data))
                market.check(update.s)
                return market.offer(update.U, update.u, None, update.b, update.a, venue_ms=update.E)
            case "trade":
                trade = _TRADE.decode(bytes(envelope.data))
                market.check(trade.s)
                return market.trade(trade.p, trade.q, Side.SELL if trade.m else Side.BUY, venue_ms=trade.T)

        return ()
