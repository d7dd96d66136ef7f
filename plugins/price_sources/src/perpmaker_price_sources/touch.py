"""Best bid and best ask of somebody else's market, out of its book's events."""

from __future__ import annotations

from decimal import Decimal

from perpmaker import Instrument
from perpmaker.venue import BookChanged, BookLost, BookSnapshot


class Touch:
    """Follows a book and knows its best prices; they are None on an empty side and while the book is lost."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._known = False

    def fold(self, event: BookSnapshot | BookChanged | BookLost) -> None:
        """Take in one event; changes of a book that was never shown whole mean nothing."""
        if isinstance(event, BookLost):
            self._known = False
        elif isinstance(event, BookSnapshot):
            self._known = True
            self._bids, self._asks = dict(event.bids), dict(event.asks)
        elif self._known:
            _change(self._bids, event.bids)
            _change(self._asks, event.asks)

    @property
    def prices(self) -> tuple[Decimal | None, Decimal | None]:
        """Best bid and best ask."""
        if not self._known:
            return None, None

        bid, ask = max(self._bids, default=None), min(self._asks, default=None)

        return (
            None if bid is None else self._instrument.price(bid),
            None if ask is None else self._instrument.price(ask),
        )


def _change(side: dict[int, int], changes: tuple[tuple[int, int], ...]) -> None:
    for ticks, lots in changes:
        if lots:
            side[ticks] = lots
        else:
            side.pop(ticks, None)
