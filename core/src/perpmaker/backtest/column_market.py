"""The recorded market as the simulated exchange knows markets: handed to it message by message."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import attrs

from perpmaker.backtest.columns import BOUGHT, CHANGE, LOST, MARK, NS_PER_MS, SNAPSHOT
from perpmaker.backtest.timeline import Segment
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.market_access import MarketAccess
from perpmaker.simulation.participants import Participants
from perpmaker.simulation.replayed_market import ReplayedMarket


@attrs.frozen
class Middle:
    """The best prices of the book, when its middle becomes the mark price; 0: none."""

    bid: int
    ask: int


class ColumnMarket:
    """A `Market` whose events are handed to it one by one."""

    def __init__(self, instrument: Instrument, opening: Iterable[tuple[int, MarketEvent]]) -> None:
        self.follower = ReplayedMarket(instrument)
        self.access: MarketAccess | None = None
        self._events: deque[tuple[int, MarketEvent | Middle]] = deque(opening)

    def tell(self, event: MarketEvent | Middle, now_ms: int) -> None:
        """An event happens at this time."""
        self._events.append((now_ms, event))

    @property
    def next_ms(self) -> int | None:
        """When the next event happens. None when there is none."""
        return self._events[0][0] if self._events else None

    def step(self, crowd: Participants) -> None:
        """Let the next event have its effect."""
        if isinstance(crowd, MarketAccess):
            self.access = crowd

        now_ms, event = self._events.popleft()

        if isinstance(event, Middle):
            self.follower.make_mark(crowd, event.bid or None, event.ask or None, now_ms)
        else:
            self.follower.follow(crowd, event, now_ms)


def market_event_of(segment: Segment, message: int) -> MarketEvent:
    """A message as the exchange takes it."""
    chunk, venue_ms = segment.chunk, segment.chunk.venue[message] // NS_PER_MS

    match chunk.kind[message]:
        case k if k == CHANGE:
            return BookChanged(
                tuple(chunk.bids(message, message + 1)), tuple(chunk.asks(message, message + 1)), venue_ms
            )
        case k if k == SNAPSHOT:
            return BookSnapshot(
                bids=tuple(chunk.bids(message, message + 1)),
                asks=tuple(chunk.asks(message, message + 1)),
                venue_ms=venue_ms,
            )
        case k if k == LOST:
            return BookLost(reason=str(chunk.texts[chunk.value[message]]))
        case k if k == MARK:
            return chunk.mark(message)
        case k:
            taker = Side.BUY if k == BOUGHT else Side.SELL

            return Traded(ticks=chunk.last[message], lots=chunk.value[message], taker=taker, venue_ms=venue_ms)
