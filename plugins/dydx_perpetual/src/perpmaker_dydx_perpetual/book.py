"""The order book of the Indexer, which is one node's view, and may be crossed: older levels that cross are not shown.

Levels that are not shown are kept, since a later update may bring them back. Nothing on the wire numbers the updates of
a book; what is lost of a connection is seen by the numbers of its messages.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from perpmaker import Side
from perpmaker.venue import BookChanged, BookSnapshot, LevelTranslator, MarketEvent, TicksAndLots

from . import messages


@attrs.frozen
class _Level:
    lots: int
    stamp: int


class UncrossedBook:
    """Makes the events of a book that is never crossed out of one that may be."""

    def __init__(self, levels: LevelTranslator) -> None:
        self._translate = levels.translate
        self._sides: dict[Side, dict[int, _Level]] = {Side.BUY: {}, Side.SELL: {}}
        self._hidden: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}
        self._stamp = 0

    def reset(self, book: messages.Book, venue_ms: int) -> Sequence[MarketEvent]:
        """Take a whole book."""
        for side, levels in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
            pairs = self._translate([(level.price, level.size) for level in levels])
            self._sides[side] = {ticks: _Level(lots, 0) for ticks, lots in pairs if lots}

        self._stamp = 0
        self._hidden = self._crossing()
        bids, asks = (self._shown(side) for side in (Side.BUY, Side.SELL))

        return (BookSnapshot(bids=bids, asks=asks, venue_ms=venue_ms),)

    def offer(self, updates: Sequence[messages.BookUpdate], venue_ms: int) -> Sequence[MarketEvent]:
        """Take changed levels, in the order in which they came."""
        changed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

        for update in updates:
            for side, levels in ((Side.BUY, update.bids), (Side.SELL, update.asks)):
                for ticks, lots in self._translate(levels):
                    self._stamp += 1
                    self._put(side, ticks, lots)
                    changed[side][ticks] = lots

        hidden = self._crossing()

        for side, of_side in changed.items():
            for ticks in self._hidden[side] ^ hidden[side]:
                of_side[ticks] = self._lots(side, ticks)

            of_side.update(dict.fromkeys(hidden[side], 0))

        self._hidden = hidden
        bids, asks = (tuple(changed[side].items()) for side in (Side.BUY, Side.SELL))

        return (BookChanged(bids, asks, venue_ms),) if bids or asks else ()

    def _put(self, side: Side, ticks: int, lots: int) -> None:
        if lots:
            self._sides[side][ticks] = _Level(lots, self._stamp)
        else:
            self._sides[side].pop(ticks, None)

    def _lots(self, side: Side, ticks: int) -> int:
        level = self._sides[side].get(ticks)

        return 0 if level is None else level.lots

    def _shown(self, side: Side) -> TicksAndLots:
        hidden = self._hidden[side]

        return tuple((ticks, level.lots) for ticks, level in self._sides[side].items() if ticks not in hidden)

    def _crossing(self) -> dict[Side, set[int]]:
        """Find the levels that are not to be shown: of two that cross, the older; of the same age the smaller."""
        bids, asks = self._sides[Side.BUY], self._sides[Side.SELL]
        hidden: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}

        if not bids or not asks or max(bids) < min(asks):
            return hidden

        left, right = sorted(bids, reverse=True), sorted(asks)

        while left and right and left[0] >= right[0]:
            bid, ask = bids[left[0]], asks[right[0]]
            is_bid_older = (bid.stamp, bid.lots) < (ask.stamp, ask.lots)
            side, gone = (Side.BUY, left.pop(0)) if is_bid_older else (Side.SELL, right.pop(0))
            hidden[side].add(gone)

        return hidden
