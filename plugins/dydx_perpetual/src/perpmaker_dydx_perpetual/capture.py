"""Messages of a raw capture of the Indexer's streams as market events, by the translation that is used live.

Nothing on the wire numbers a book: what is lost of it shows in the numbers of its connection's messages.

A book that was asked for by REST, as at the top of a file, is joined with the updates of the seconds before it. They
tell whole sizes, so that the last one of a level is right whether or not the answer had it already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import attrs

from perpmaker import Instrument, PayloadError
from perpmaker.venue import BookLost, LevelTranslator, MarkChanged, MarketEvent, Traded, parser

from . import messages
from .book import UncrossedBook
from .streams import BLOCKS, BOOK, CONNECTED, MARKETS, TRADES, MarketTranslator, Numbers, contents_of

_ALONE: Final = frozenset({BOOK, BLOCKS})
_TOGETHER: Final = frozenset({MARKETS, TRADES, BLOCKS})
"""What the connector subscribes on one connection."""

_DATA: Final = frozenset({"channel_data", "channel_batch_data"})
_KINDS: Final = _DATA | {CONNECTED, "subscribed", "unsubscribed", "pong", "error"}
_PATIENCE: Final = 100
"""Messages after which a number that is missing is lost, whatever may still be subscribed."""

_MOST_CONNECTIONS: Final = 8
_JOINED_MS: Final = 10_000
"""Milliseconds of updates that are joined with a book that was asked for."""

_MOST_PENDING: Final = 5_000


class _Line(messages.Envelope, frozen=True, kw_only=True):
    """A message of the stream; a book by REST has no type."""

    type: str = ""


@attrs.define
class _Heard:
    """What was heard on one connection."""

    numbers: Numbers = attrs.field(factory=Numbers)
    channels: set[str] = attrs.field(factory=set)

    @property
    def awaits_answers(self) -> bool:
        """Whether the answer to a subscription may still come, whose number was given before."""
        wanted = _ALONE if BOOK in self.channels else _TOGETHER

        return not wanted <= self.channels


class DydxCapture:
    """One capture of one market; see `CaptureTranslator` and `DatesByReceipt`."""

    def __init__(self, instrument: Instrument) -> None:
        self.received_ms = 0
        self.is_live = False
        self._symbol = instrument.symbol
        self._book = UncrossedBook(LevelTranslator(instrument))
        self._book_of: object = None
        self._pending: deque[tuple[int, Sequence[messages.BookUpdate]]] = deque(maxlen=_MOST_PENDING)
        self._market = MarketTranslator(instrument, lambda: self.received_ms, lambda *_: None)
        self._heard: dict[object, _Heard] = {}

    def translate(self, text: bytes) -> Sequence[MarketEvent]:
        """Translate one message; see `CaptureTranslator`."""
        said = parser(_Line)(text)

        if not said.type:
            return self._join(parser(messages.Book)(text))

        if said.type not in _KINDS:
            raise ValueError("no message of the Indexer's stream")

        heard = self._connection(said)

        if heard.numbers.is_repeated(said.message_id):
            return ()

        is_first = said.type == "subscribed"

        if is_first or said.type in _DATA:
            heard.channels.add(said.channel)

        lost = heard.numbers.lost(awaits_answers=heard.awaits_answers, patience=_PATIENCE)

        if lost is not None:
            heard.numbers.forget()

            if said.connection_id == self._book_of and not (is_first and said.channel == BOOK):
                return self.lose(f"the connection has lost message {lost}")

        return self._contents(said, is_first=is_first) if is_first or said.type in _DATA else ()

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Take the book for unknown; see `CaptureTranslator`."""
        if not self.is_live:
            return ()

        self.is_live = False
        self._pending.clear()

        return (BookLost(reason=reason),)

    def _contents(self, said: messages.Envelope, *, is_first: bool) -> Sequence[MarketEvent]:
        if said.channel not in {BOOK, MARKETS, TRADES}:
            return ()

        if said.channel in {BOOK, TRADES} and said.id != self._symbol:
            raise ValueError(f"it is of the market {said.id!a}, not of {self._symbol}")

        contents = contents_of(said)

        if said.channel == BOOK:
            return self._of_book(said, contents, is_first=is_first)

        # Before the book is known there is nobody whom a trade could concern.
        return [
            event
            for event in self._market.read(said.channel, contents, is_first)
            if isinstance(event, MarkChanged) or (self.is_live and isinstance(event, Traded))
        ]

    def _of_book(self, said: messages.Envelope, contents: Sequence[bytes], *, is_first: bool) -> Sequence[MarketEvent]:
        """The book is that of the connection that has told it last as a whole."""
        if is_first:
            self._book_of, self.is_live = said.connection_id, True
            return self._book.reset(parser(messages.Book)(contents[0]), self.received_ms)

        updates = [parser(messages.BookUpdate)(one) for one in contents]

        if not self.is_live:
            self._book_of = said.connection_id
            self._pending.append((self.received_ms, updates))
            return ()

        self._book_of = self._book_of or said.connection_id

        return self._book.offer(updates, self.received_ms) if said.connection_id == self._book_of else ()

    def _join(self, book: messages.Book) -> Sequence[MarketEvent]:
        """Take a book that was asked for, where none is known, with what came while it was under way."""
        if not (book.bids or book.asks):
            raise ValueError("neither a message of the Indexer's stream nor a book")

        if self.is_live:
            return ()

        since_ms, self.is_live = self.received_ms - _JOINED_MS, True
        updates = [one for at_ms, several in self._pending if at_ms >= since_ms for one in several]
        self._book_of = self._book_of if self._pending else None
        self._pending.clear()

        return *self._book.reset(book, self.received_ms), *self._book.offer(updates, self.received_ms)

    def _connection(self, said: messages.Envelope) -> _Heard:
        """What was heard on the connection of a message; a file may begin in the middle of it."""
        name = said.connection_id

        if not isinstance(name, str):
            raise PayloadError("a connection's name is a text", path="$.connection_id")

        if said.type == CONNECTED:
            self._heard.pop(name, None)

        if name not in self._heard:
            while len(self._heard) >= _MOST_CONNECTIONS:
                del self._heard[next(iter(self._heard))]

            self._heard[name] = _Heard()
            self._heard[name].numbers.begin(said.message_id)

        return self._heard[name]
