"""A market that others make: its events move everybody else's orders here, one by one.

What is decided here is the place of an account's order in a book that knows nothing of it, always to its disadvantage:

* It joins behind all that is displayed at its price, and moves forward only by what trades there. When the displayed
  size shrinks otherwise, those behind it are taken to have left first. While the book is lost it keeps its place, and
  stands behind at most what the next snapshot displays; trades of that time are not believed.
* A trade at its price fills it with what is left of the trade once the queue before it is used up; a trade at a worse
  price fills it up to the trade's amount. When the other side's book moves through its price, it is filled with what
  is displayed there.
* A trade that is told only after the book already shows its effect moves nothing forward a second time.
* A trade at a worse price than the best leaves nothing at the better ones until the next difference made after it.
* What the accounts take from a level is missing there for as long as the level lasts, however often it is told.
"""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarkChanged, MarketEvent, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.participants import Participants

_MARK_MS = 1_000


class ReplayedMarket:
    """Applies market events to the crowd.

    Until the first mark price comes, the middle of the book is the mark price.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._tick = instrument.tick
        self._book_ms: int | None = None
        self._known_since_ms = 0
        self._traded_ms = 0
        self._has_mark = False
        self._middle_due_ms = 0
        self._funding_rate = Decimal(0)
        self._funding_ms: int | None = None
        self._settled_at_ms: int | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the book is not known."""
        return self._book_ms is None

    @property
    def makes_mark(self) -> bool:
        """Whether the middle of the book is the mark price."""
        return not self._has_mark

    @property
    def middle_due_ms(self) -> int:
        """When it is made of the next difference; 0: of the first."""
        return self._middle_due_ms

    @property
    def known_since_ms(self) -> int:
        """The venue's time of the snapshot that the book is known from: older trades are not believed."""
        return self._known_since_ms

    def skip(self, book_ms: int, traded_ms: int) -> None:
        """Go past differences and trades that somebody else has followed: the newest of each are of these times."""
        self._book_ms = book_ms
        self._traded_ms = max(self._traded_ms, traded_ms)

    def follow(self, crowd: Participants, event: MarketEvent, now_ms: int) -> None:
        """Let one event have its effect. Those of a book that is not known have none."""
        match event:
            case BookSnapshot():
                self._known_since_ms = event.venue_ms if self._book_ms is None else self._known_since_ms
                crowd.restore_ladder(event.bids, event.asks)
                self._book_ms = event.venue_ms
                self._follow_middle(crowd, now_ms)
            case BookLost():
                crowd.hide_ladder()
                self._book_ms = None
            case BookChanged() if self._book_ms is not None:
                crowd.change_levels(event.bids, event.asks, settled=event.venue_ms >= self._traded_ms)
                self._book_ms = event.venue_ms
                self._follow_middle(crowd, now_ms)
            case Traded() if self._book_ms is not None and event.venue_ms > self._known_since_ms:
                self._follow_trade(crowd, event, late=event.venue_ms <= self._book_ms)
            case MarkChanged():
                self._follow_mark(crowd, event, now_ms)

    def _follow_trade(self, crowd: Participants, event: Traded, *, late: bool) -> None:
        """A trade of a book that is known; one from before its snapshot is of a time when it was not."""
        crowd.see_trade(event.taker, event.ticks, event.lots, late=late)

        if not late:
            self._traded_ms = max(self._traded_ms, event.venue_ms)

    def _follow_middle(self, crowd: Participants, now_ms: int) -> None:
        if not self._has_mark and now_ms >= self._middle_due_ms:
            self.make_mark(crowd, crowd.best_ticks(Side.BUY), crowd.best_ticks(Side.SELL), now_ms)

    def make_mark(self, crowd: Participants, bid: int | None, ask: int | None, now_ms: int) -> None:
        """Once a second, the middle of the book as mark and index price, without funding."""
        if self._has_mark or now_ms < self._middle_due_ms or bid is None or ask is None:
            return

        middle = (bid + ask) * self._tick / 2
        crowd.set_mark(middle, middle, Decimal(0))
        self._middle_due_ms = now_ms + _MARK_MS

    def _follow_mark(self, crowd: Participants, event: MarkChanged, now_ms: int) -> None:
        """The mark price; a new settlement, with its rate, only once the one before it is done."""
        self._has_mark = True
        index = event.mark if event.index is None else event.index
        is_next = event.next_funding_ms != self._funding_ms
        at_ms = None

        is_done = self._settled_at_ms is None or now_ms >= self._settled_at_ms
        left_ms = (event.next_funding_ms or 0) - event.venue_ms

        if is_next and is_done and left_ms > 0:
            at_ms = self._settled_at_ms = now_ms + left_ms
            self._funding_ms, is_next = event.next_funding_ms, False

        if not is_next and event.funding_rate is not None:
            self._funding_rate = event.funding_rate

        crowd.set_mark(event.mark, index, self._funding_rate, at_ms)
