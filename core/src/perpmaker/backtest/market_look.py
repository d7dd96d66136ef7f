"""Follows the market through the batches that a journal keeps: the best prices, the mark, an external reference."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.journal.inputs import Batch
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    MarkChanged,
    ReferenceChanged,
    StreamLost,
)
from perpmaker.model.instrument import Instrument
from perpmaker.state.book import Book


@attrs.define
class MarketLook:
    """How the market stands. `bid` and `ask` are the best prices in ticks, our own quotes among them."""

    bid: int | None = None
    ask: int | None = None
    mark: Decimal | None = None
    _external: Decimal | None = None
    _book: Book = attrs.field(factory=Book)

    def take(self, batch: Batch) -> bool:
        """Take in a batch; whether anything that is shown has changed."""
        before = (self.bid, self.ask, self.mark, self._external)

        for event in batch.events:
            self._hear(event, batch.at)

        book = self._book
        self.bid, self.ask = (book.best_bid, book.best_ask) if book.ok else (None, None)

        return before != (self.bid, self.ask, self.mark, self._external)

    def reference(self, instrument: Instrument | None) -> Decimal | None:
        """Return the price of the external source, else the middle of the book."""
        if self._external is not None or instrument is None or self.bid is None or self.ask is None:
            return self._external

        return (self.bid + self.ask) * instrument.tick / 2

    def _hear(self, event: Event, at: float) -> None:
        match event:
            case BookChanged():
                self._book.change(event, at)
            case BookSnapshot():
                self._book.snapshot(event, at)
            case BookLost() | StreamLost(channel=Channel.BOOK):
                self._book.lose()
            case MarkChanged(mark=mark):
                self.mark = mark
            case ReferenceChanged():
                self._external = _price(event)
            case StreamLost(channel=Channel.REFERENCE):
                self._external = None
            case _:
                pass


def _price(event: ReferenceChanged) -> Decimal | None:
    """The price that a source gives: its own, else the middle of its book, else its last trade."""
    if event.doubt:
        return None

    if event.price is not None:
        return event.price

    return event.last if event.bid is None or event.ask is None else (event.bid + event.ask) / 2
