"""Binance's request limits: weight per minute, and orders per ten seconds and per minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from perpmaker.clock import Clock
from perpmaker.venue import Limit, RequestBudget
from perpmaker_binance_perpetual.messages import RateLimit

_SECONDS = {"SECOND": 1, "MINUTE": 60}
_WEIGHT = Limit("REQUEST_WEIGHT", 60)
_ORDERS_SHORT, _ORDERS_LONG = Limit("ORDERS", 10), Limit("ORDERS", 60)
_DOCUMENTED = {_WEIGHT: 2400, _ORDERS_SHORT: 300, _ORDERS_LONG: 1200}
_HEADERS = {
    "x-mbx-used-weight-1m": _WEIGHT,
    "x-mbx-order-count-10s": _ORDERS_SHORT,
    "x-mbx-order-count-1m": _ORDERS_LONG,
}
_MOST_DIGITS = 9


@attrs.frozen
class Cost:
    """What a request takes: weight, and orders counted in the short and in the long window."""

    weight: int = 1
    orders_short: int = 0
    orders_long: int = 0


class Budget:
    """The kit's budget in Binance's words; begins with the documented limits, and adopts those that are published."""

    def __init__(self, clock: Clock) -> None:
        self._budget = RequestBudget("Binance", _DOCUMENTED, clock)

    def adopt(self, published: Iterable[RateLimit]) -> None:
        """Take over the limits of this host."""
        self._budget.adopt(
            {Limit(row.rateLimitType, row.intervalNum * _SECONDS.get(row.interval, 0)): row.limit for row in published}
        )

    async def admit(self, cost: Cost, *, urgent: bool, patience_s: float) -> None:
        """Wait for room and spend it; RateLimitedError, nothing spent, when that would take longer than patience."""
        orders = {_ORDERS_SHORT: cost.orders_short, _ORDERS_LONG: cost.orders_long}
        # Spent weight holds everything back; an order count does not hold back what counts no orders.
        units = {_WEIGHT: cost.weight} | {limit: count for limit, count in orders.items() if count}
        await self._budget.admit(units, urgent=urgent, patience_s=patience_s)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer's headers say is used."""
        said = ((limit, headers.get(name, "")) for name, limit in _HEADERS.items())
        self._budget.observe((limit, int(text)) for limit, text in said if _is_count(text))

    def pause(self, retry_after_s: float, *, orders: bool) -> None:
        """Obey the venue's "too much": of orders, or of everything."""
        self._budget.pause(retry_after_s, kinds={"ORDERS"} if orders else ())

    def ban(self, retry_after_s: float) -> None:
        """Send nothing at all until then: the venue has banned this address."""
        self._budget.ban(retry_after_s)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
