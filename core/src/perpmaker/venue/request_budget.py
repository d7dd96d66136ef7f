"""A venue's request limits: several kinds of unit in several windows, pauses, and bans of the whole address."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import attrs

from perpmaker.clock import Clock
from perpmaker.errors import RateLimitedError
from perpmaker.wire.rate_limit import RateLimiter, Window, acquire


@attrs.frozen
class Limit:
    """One limit of a venue: what it counts, in the dialect's words, and within how many seconds."""

    kind: str
    interval_s: float


class RequestBudget:
    """Keeps every request within the venue's limits; a fifth of each is kept for urgent requests.

    Args:
        venue: the venue's name in errors.
        limits: units allowed by each limit, as the venue documents them.
        clock: the engine's clock.
    """

    def __init__(self, venue: str, limits: Mapping[Limit, int], clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._limits = dict(limits)
        self._limiters = {limit: _limiter(limit, units) for limit, units in limits.items()}
        self._address = RateLimiter([])
        """Without a window of its own: it holds what was said about every request from this address."""

    def adopt(self, published: Mapping[Limit, int]) -> None:
        """Take over limits that the venue publishes, where they differ; what is spent stays counted.

        Limits that the dialect does not know, and those of 0, are passed over.
        """
        now = self._clock.now()

        for limit, units in published.items():
            if units > 0 and self._limits.get(limit, units) != units:
                known, limiter = self._limiters[limit], _limiter(limit, units)
                limiter.observe(limit.interval_s, known.used(limit.interval_s, now=now), now=now)
                limiter.paused_until = known.paused_until
                self._limits[limit], self._limiters[limit] = units, limiter

    async def admit(self, cost: Mapping[Limit, int], *, urgent: bool, patience_s: float) -> None:
        """Wait until a request may be sent, and spend what it costs.

        Args:
            cost: units by limit. A limit that is not named does not hold the request back, one with 0 units does.
            urgent: whether the reserve may be used: cancels and exits.
            patience_s: seconds that the request may wait.

        Raises:
            RateLimitedError: it would have to wait longer. Nothing is spent.
        """
        now = self._clock.now()
        costs = [(self._address, 0), *((self._limiters[limit], units) for limit, units in cost.items())]
        wait_s = max(limiter.wait_s(units, urgent=urgent, now=now) for limiter, units in costs)

        if (ban_s := self._address.banned_until - now) > patience_s:
            raise RateLimitedError(
                f"{self._venue} has shut this address out for another {ban_s:.0f} s; nothing was sent",
                retry_after_s=ban_s,
            )

        if wait_s > patience_s:
            raise RateLimitedError(
                f"{self._venue}'s request budget is spent for another {wait_s:.1f} s; nothing was sent",
                retry_after_s=wait_s,
            )

        await acquire(costs, self._clock, urgent=urgent)

    def observe(self, usage: Iterable[tuple[Limit, int]]) -> None:
        """Take over what the venue says is used: others may share the address or the account."""
        now = self._clock.now()

        for limit, used in usage:
            self._limiters[limit].observe(limit.interval_s, used, now=now)

    def pause(self, retry_after_s: float, *, kinds: Collection[str] = ()) -> None:
        """Hold back all but urgent requests for so many seconds: those that cost units of these kinds; () is all."""
        now = self._clock.now()

        if not kinds:
            self._address.pause(retry_after_s, now=now)

        for limit, limiter in self._limiters.items():
            if limit.kind in kinds:
                limiter.pause(retry_after_s, now=now)

    def ban(self, retry_after_s: float) -> None:
        """Send nothing at all for so many seconds: the venue has banned this address."""
        self._address.ban(retry_after_s, now=self._clock.now())


def _limiter(limit: Limit, units: int) -> RateLimiter:
    return RateLimiter([Window(limit=units, interval_s=limit.interval_s)])
