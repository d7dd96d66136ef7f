"""Rate limits: sliding windows with a share kept for what is urgent, pauses and bans; pure but for `acquire`."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import anyio
import attrs

from perpmaker.clock import Clock

DEFAULT_RETRY_AFTER_S = 5.0
"""How long to keep still when the venue says "too much" without saying until when."""

MAX_RETRY_AFTER_S = 3 * 24 * 3600.0
"""The longest ban that venues speak of (three days); more than that is taken for a mistake."""


def parse_retry_after(text: str | None, *, utc_ms: int | None, cap_s: float = MAX_RETRY_AFTER_S) -> float:
    """Seconds to keep still, from a `Retry-After` header: seconds or an HTTP date, at least one, at most `cap_s`.

    Absent, unreadable, or a date without knowing the time (`utc_ms` None): `DEFAULT_RETRY_AFTER_S`.
    """
    return min(max(1.0, _seconds((text or "").strip(), utc_ms)), cap_s)


def _seconds(text: str, utc_ms: int | None) -> float:
    if text.isascii() and text.isdigit():
        return float(text[:12])

    try:
        at_s = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):  # a time zone or a year that no clock has
        return DEFAULT_RETRY_AFTER_S

    return DEFAULT_RETRY_AFTER_S if utc_ms is None else at_s - utc_ms / 1000


@attrs.frozen(kw_only=True)
class Window:
    """At most `limit` units within any `interval_s` seconds."""

    limit: int
    interval_s: float


class _Spending:
    """What was spent within one window, as a sliding log: safe wherever the venue's own window begins."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.used = 0
        self._log: deque[tuple[float, int]] = deque()

    def forget(self, now: float) -> None:
        while self._log and self._log[0][0] + self.window.interval_s <= now:
            self.used -= self._log.popleft()[1]

    def add(self, weight: int, now: float) -> None:
        self._log.append((now, weight))
        self.used += weight

    def free_in_s(self, weight: int, limit: int, now: float) -> float:
        """Seconds until `weight` more stay within `limit`."""
        excess = self.used + weight - limit
        if excess <= 0:
            return 0.0

        for at, spent in self._log:
            excess -= spent
            if excess <= 0:
                return max(0.0, at + self.window.interval_s - now)

        return self.window.interval_s


class RateLimiter:
    """The windows of one kind of unit (request weight, order count) of one venue.

    `reserve_share` of every window is kept for urgent calls: cancels and exits. `now` is a reading of the engine's
    clock in seconds and must not go backwards.
    """

    def __init__(self, windows: Sequence[Window], *, reserve_share: float = 0.2) -> None:
        self._spendings = [_Spending(window) for window in windows]
        self._reserve_share = reserve_share
        self.paused_until = -math.inf
        """Until when only urgent calls may go, after the venue said "too much"."""

        self.banned_until = -math.inf
        """Until when nothing at all may be sent, urgent or not."""

    def wait_s(self, weight: int, *, urgent: bool, now: float) -> float:
        """Seconds until a call of this weight may be sent; 0 when it may go now. ValueError when it never may."""
        until = self.banned_until if urgent else max(self.banned_until, self.paused_until)
        waits = [max(0.0, until - now)]
        for spending in self._spendings:
            spending.forget(now)
            limit = self._limit(spending.window, urgent=urgent)
            if weight > limit:
                raise ValueError(f"a weight of {weight} never fits into {limit} per {spending.window.interval_s:g} s")

            waits.append(spending.free_in_s(weight, limit, now))

        return max(waits)

    def spend(self, weight: int, *, now: float) -> None:
        """Count a call that is sent now."""
        for spending in self._spendings:
            spending.forget(now)
            if weight:
                spending.add(weight, now)

    def used(self, interval_s: float, *, now: float) -> int:
        """What counts as spent within the window of that length."""
        spending = self._spending(interval_s)
        spending.forget(now)

        return spending.used

    def observe(self, interval_s: float, used: int, *, now: float) -> None:
        """Take over what the venue says is used, where that is more: others may share the address."""
        spending = self._spending(interval_s)
        spending.forget(now)
        if used > spending.used:
            spending.add(used - spending.used, now)

    def pause(self, retry_after_s: float, *, now: float) -> None:
        """Keep all but urgent calls back (429); a pause is never shortened."""
        self.paused_until = max(self.paused_until, now + min(retry_after_s, MAX_RETRY_AFTER_S))

    def ban(self, retry_after_s: float, *, now: float) -> None:
        """Send nothing at all (418); a ban is never shortened."""
        self.banned_until = max(self.banned_until, now + min(retry_after_s, MAX_RETRY_AFTER_S))

    def _limit(self, window: Window, *, urgent: bool) -> int:
        return window.limit if urgent else math.floor(window.limit * (1 - self._reserve_share))

    def _spending(self, interval_s: float) -> _Spending:
        for spending in self._spendings:
            if spending.window.interval_s == interval_s:
                return spending

        raise ValueError(f"there is no window of {interval_s:g} s")


async def acquire(costs: Sequence[tuple[RateLimiter, int]], clock: Clock, *, urgent: bool = False) -> None:
    """Wait until every limiter has room for its weight, then spend all of them at once."""
    while True:
        now = clock.now()
        wait_s = max((limiter.wait_s(weight, urgent=urgent, now=now) for limiter, weight in costs), default=0.0)
        if wait_s <= 0:
            break

        await anyio.sleep(wait_s)

    for limiter, weight in costs:
        limiter.spend(weight, now=now)
