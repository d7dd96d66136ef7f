"""The venue's request budgets: weight per minute, and orders per ten seconds and per minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from perpmaker.clock import Clock
from perpmaker.errors import RateLimitedError
from perpmaker.wire.rate_limit import RateLimiter, Window, acquire
from perpmaker_binance_perpetual.messages import RateLimit

_SECONDS = {"SECOND": 1, "MINUTE": 60}
_SHORT_S, _LONG_S = 10, 60
_HEADERS = {
    "x-mbx-used-weight-1m": ("REQUEST_WEIGHT", _LONG_S),
    "x-mbx-order-count-10s": ("ORDERS", _SHORT_S),
    "x-mbx-order-count-1m": ("ORDERS", _LONG_S),
}
_MOST_DIGITS = 9


@attrs.frozen
class Cost:
    """What a request takes: weight, and orders counted in the short and in the long window."""

    weight: int = 1
    orders_short: int = 0
    orders_long: int = 0


class Budget:
    """Keeps every call within the venue's limits; what is urgent may use the reserve of a fifth.

    Starts with the limits that the venue has documented, and adopts those that it publishes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limits = {("REQUEST_WEIGHT", _LONG_S): 2400, ("ORDERS", _SHORT_S): 300, ("ORDERS", _LONG_S): 1200}
        self._limiters = {name: _limiter(name, limit) for name, limit in self._limits.items()}

    def adopt(self, published: Iterable[RateLimit]) -> None:
        """Take over the limits of this host where they are others, keeping count of what is spent already."""
        now = self._clock.now()

        for row in published:
            name = row.rateLimitType, row.intervalNum * _SECONDS.get(row.interval, 0)

            if row.limit > 0 and self._limits.get(name, row.limit) != row.limit:
                known, limiter = self._limiters[name], _limiter(name, row.limit)
                limiter.observe(name[1], known.used(name[1], now=now), now=now)
                limiter.paused_until, limiter.banned_until = known.paused_until, known.banned_until
                self._limits[name], self._limiters[name] = row.limit, limiter

    async def admit(self, cost: Cost, *, urgent: bool, patience_s: float) -> None:
        """Wait for room and spend it; RateLimitedError, nothing spent, when that would take longer than patience."""
        now = self._clock.now()
        costs = [
            (self._limiters["REQUEST_WEIGHT", _LONG_S], cost.weight),
            (self._limiters["ORDERS", _SHORT_S], cost.orders_short),
            (self._limiters["ORDERS", _LONG_S], cost.orders_long),
        ]
        # An order count does not hold back what counts no orders.
        costs = [(limiter, units) for limiter, units in costs if units or limiter is costs[0][0]]
        wait_s = max(limiter.wait_s(units, urgent=urgent, now=now) for limiter, units in costs)

        if (ban_s := self._limiters["REQUEST_WEIGHT", _LONG_S].banned_until - now) > patience_s:
            raise RateLimitedError(
                f"Binance has shut this address out for another {ban_s:.0f} s; nothing was sent", retry_after_s=ban_s
            )

        if wait_s > patience_s:
            raise RateLimitedError(
                f"Binance's request budget is spent for another {wait_s:.1f} s; nothing was sent", retry_after_s=wait_s
            )

        await acquire(costs, self._clock, urgent=urgent)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take over what the venue says is used: others may share the address or the account."""
        now = self._clock.now()

        for name, (kind, interval_s) in _HEADERS.items():
            used = headers.get(name, "")

            if used.isascii() and used.isdigit() and len(used) <= _MOST_DIGITS:
                self._limiters[kind, interval_s].observe(interval_s, int(used), now=now)

    def pause(self, retry_after_s: float, *, orders: bool) -> None:
        """The venue said "too much": of orders, or of everything."""
        now = self._clock.now()

        for (kind, _), limiter in self._limiters.items():
            if (kind == "ORDERS") == orders:
                limiter.pause(retry_after_s, now=now)

    def ban(self, retry_after_s: float) -> None:
        """The venue has banned this address: nothing at all is sent until then."""
        self._limiters["REQUEST_WEIGHT", _LONG_S].ban(retry_after_s, now=self._clock.now())


def _limiter(name: tuple[str, int], limit: int) -> RateLimiter:
    return RateLimiter([Window(limit=limit, interval_s=name[1])])
