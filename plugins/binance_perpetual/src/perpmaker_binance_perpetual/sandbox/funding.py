"""Past funding settlements of the market, whether or not somebody held a position then."""

from __future__ import annotations

from decimal import Decimal

import attrs
from perpmaker.simulation.event import MarkUpdated, SimulationEvent
from perpmaker.simulation.exchange import Exchange

HOUR_MS = 3_600_000


@attrs.frozen(kw_only=True)
class Settlement:
    """One settlement: rate and mark price at its time, in milliseconds of the exchange."""

    time_ms: int
    rate: Decimal
    mark: Decimal


class FundingHistory:
    """The settlements since the market opened, and two before that, so that the interval can be read off them."""

    def __init__(self, exchange: Exchange) -> None:
        interval_ms = exchange.instrument.funding_interval_h * HOUR_MS
        self._next_ms = exchange.next_funding_ms
        self.settlements = [
            Settlement(time_ms=self._next_ms - back * interval_ms, rate=exchange.funding_rate, mark=exchange.mark)
            for back in (2, 1)
        ]
        exchange.subscribe(self._note)

    def _note(self, event: SimulationEvent) -> None:
        if not isinstance(event, MarkUpdated) or event.next_funding_ms == self._next_ms:
            return

        self.settlements.append(Settlement(time_ms=self._next_ms, rate=event.funding_rate, mark=event.mark))
        self._next_ms = event.next_funding_ms
