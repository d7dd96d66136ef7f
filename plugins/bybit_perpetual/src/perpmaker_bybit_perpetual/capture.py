"""Messages of a raw capture of Bybit's public streams as market events, by the translation that is used live."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker import Instrument
from perpmaker import venue as kit
from perpmaker_bybit_perpetual.streams import BookTranslator, MarketTranslator, read_topic

_BOOK, _MARKET = "orderbook", {"tickers", "publicTrade"}


class BybitCapture:
    """One capture of one market; see `CaptureTranslator`. Of several depths of the book the first that comes counts."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._market = MarketTranslator(instrument)
        self._topic = ""
        self._book: BookTranslator | None = None

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._book is not None and self._book.sync.last is not None

    def translate(self, text: bytes) -> Sequence[kit.MarketEvent]:
        """Translate one message; see `CaptureTranslator`."""
        try:
            said = read_topic(text)
        except kit.UnknownMessageError as error:
            raise ValueError("neither a topic nor the answer to a request") from error

        if said is None:
            return ()

        topic = str(said.topic)
        kind, _, symbol = topic.partition(".")

        if kind == _BOOK:
            self._check(symbol.partition(".")[2])
            return self._of_book(topic).translate(text)

        if kind not in _MARKET:
            return ()

        self._check(symbol)

        # Before the book is known there is nobody whom a trade could concern.
        return [
            event
            for event in self._market.translate(text)
            if isinstance(event, kit.MarkChanged) or (self.is_live and isinstance(event, kit.Traded))
        ]

    def lose(self, reason: str) -> Sequence[kit.MarketEvent]:
        """Take the book for unknown; see `CaptureTranslator`."""
        return () if self._book is None else self._book.sync.lose(reason)

    def _of_book(self, topic: str) -> BookTranslator:
        if self._book is None:
            self._book = BookTranslator(self._instrument, topic)

        return self._book

    def _check(self, symbol: str) -> None:
        """ValueError for what is of another market."""
        if symbol != self._instrument.symbol:
            raise ValueError(f"it is of the market {symbol!a}, not of {self._instrument.symbol}")
