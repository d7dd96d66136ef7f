"""The simulated exchange of a paper account, and how it is told of the venue's market."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import BookLost, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.paper import LiveMarket

ACCOUNT = "paper"


class PaperVenue:
    """One market with one account, in this process. It ends with it."""

    def __init__(self, instrument: Instrument, balance: Decimal, clock: Clock) -> None:
        self.instrument = instrument
        self._clock = clock
        self._latest_ms = clock.utc_ms()
        self._market = LiveMarket(instrument)
        self.exchange = Exchange(instrument, self._market, start_ms=self._latest_ms)
        self.exchange.open_account(ACCOUNT, balance)
        self.hear(BookLost(reason="the venue has not told its book yet"))

    def now_ms(self) -> int:
        """Return the exchange's time: our clock's, which here never goes back."""
        self._latest_ms = max(self._latest_ms, self._clock.utc_ms())

        return self._latest_ms

    def advance(self) -> None:
        """Let everything happen that is due by now."""
        self.exchange.advance(self.now_ms())

    def hear(self, event: MarketEvent) -> None:
        """Let an event of the venue have its effect. ConnectivityError when its book cannot be right."""
        self._market.tell(event, self.now_ms())

        try:
            self.advance()
        except ValueError as error:
            raise ConnectivityError(f"the venue's book cannot be right: {error}") from None
