"""Binance's depth messages for the kit's book: the `pu` of each names the `u` of the one before it.

Source: Binance USDⓈ-M futures, "How to manage a local order book correctly". Update ids are not contiguous there.
"""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.model.event import MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.venue import BookSync, LevelTranslator, Message
from perpmaker_binance_perpetual.messages import Depth, DepthUpdate
from perpmaker_binance_perpetual.stream_event import explain

_DEPTH_UPDATE = PayloadDecoder(DepthUpdate)


class DepthTranslator:
    """The book of one market out of its stream and of the snapshots that REST gives."""

    def __init__(self, instrument: Instrument) -> None:
        self.sync = BookSync(LevelTranslator(instrument))

    def translate(self, message: Message) -> Sequence[MarketEvent]:
        """Translate the next message of the stream; see `Translate`."""
        try:
            update = _DEPTH_UPDATE.decode(message)

            return self.sync.offer(update.U, update.u, update.pu, update.b, update.a, venue_ms=update.T)
        except PayloadError as error:
            raise explain(error, message, "depthUpdate") from None

    def restore(self, snapshot: Depth) -> Sequence[MarketEvent]:
        """Take a snapshot of `GET /fapi/v1/depth`."""
        return self.sync.restore(snapshot.lastUpdateId, snapshot.bids, snapshot.asks, venue_ms=snapshot.T)
