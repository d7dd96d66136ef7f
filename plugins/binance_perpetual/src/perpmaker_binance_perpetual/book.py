"""Binance's depth messages for the kit's book: the `pu` of each names the `u` of the one before it.

Source: Binance USDⓈ-M futures, "How to manage a local order book correctly". Update ids are not contiguous there.
"""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.model.event import MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.venue import BookSync, LevelTranslator
from perpmaker_binance_perpetual.messages import Depth, DepthUpdate


class DepthSync:
    """The book of one market out of its stream and of the snapshots that REST gives."""

    def __init__(self, instrument: Instrument) -> None:
        self.sync = BookSync(LevelTranslator(instrument))

    @property
    def wants_snapshot(self) -> bool:
        """Whether the book cannot become known without a new snapshot."""
        return self.sync.wants_snapshot

    def offer(self, update: DepthUpdate) -> Sequence[MarketEvent]:
        """Take the next message of the stream."""
        return self.sync.offer(update.U, update.u, update.pu, update.b, update.a, venue_ms=update.T)

    def restore(self, snapshot: Depth) -> Sequence[MarketEvent]:
        """Take a snapshot of `GET /fapi/v1/depth`."""
        return self.sync.restore(snapshot.lastUpdateId, snapshot.bids, snapshot.asks, venue_ms=snapshot.T)
