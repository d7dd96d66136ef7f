"""Past funding settlements of the market, whether or not somebody held a position then."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.simulation.event import FundingSettled, MarkUpdated, SimulationEvent
from perpmaker.simulation.exchange import Exchange

HOUR_MS = 3_600_000


@attrs.frozen(kw_only=True)
class Settlement:
    """One settlement: rate and mark price at its time, in milliseconds of the exchange."""

    time_ms: int
    rate: Decimal
    mark: Decimal


class PastFundings:
    """The settlements since the market opened, and two before that, so that the interval can be read off them."""

    def __init__(self, exchange: Exchange) -> None:
        interval_ms = exchange.instrument.funding_interval_h * HOUR_MS
        self._exchange = exchange
        self._next_ms = exchange.next_funding_ms
        self._settlements = [
            Settlement(time_ms=self._next_ms - back * interval_ms, rate=exchange.funding_rate, mark=exchange.mark)
            for back in (2, 1)
        ]
        exchange.subscribe(self._note)

    def settlements(self) -> Sequence[Settlement]:
        """Return all of them, oldest first."""
        self._catch_up(self._exchange.funding_rate, self._exchange.mark)

        return self._settlements

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, FundingSettled):
            self._catch_up(event.rate, event.mark)
        elif isinstance(event, MarkUpdated):
            self._catch_up(event.funding_rate, event.mark)

    def _catch_up(self, rate: Decimal, mark: Decimal) -> None:
        if self._exchange.next_funding_ms != self._next_ms:
            self._settlements.append(Settlement(time_ms=self._next_ms, rate=rate, mark=mark))
            self._next_ms = self._exchange.next_funding_ms
