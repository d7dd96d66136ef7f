"""A venue's own market, as it happens, as everybody else on the simulated exchange.

How the accounts' orders fare in it is decided in `perpmaker.simulation.replayed_market`.
"""

from __future__ import annotations

from collections import deque

from perpmaker.model.event import MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.simulation.participants import Participants
from perpmaker.simulation.replayed_market import ReplayedMarket


class LiveMarket:
    """A `Market` that follows received events, with the exchange's next `advance`.

    Times are the exchange's own.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._follower = ReplayedMarket(instrument)
        self._events: deque[tuple[int, MarketEvent]] = deque()

    def tell(self, event: MarketEvent, now_ms: int) -> None:
        """An event of the venue was received."""
        self._events.append((now_ms, event))

    @property
    def next_ms(self) -> int | None:
        """When the next event was received. None when there is none."""
        return self._events[0][0] if self._events else None

    def step(self, crowd: Participants) -> None:
        """Let the next event have its effect. ValueError for a book that crosses itself."""
        now_ms, event = self._events.popleft()
        self._follower.follow(crowd, event, now_ms)
