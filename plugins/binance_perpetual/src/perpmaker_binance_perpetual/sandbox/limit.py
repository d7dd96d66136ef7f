"""Request weight per address and order counts per account, as the venue counts, shows and punishes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import attrs

from perpmaker_binance_perpetual.sandbox.refusal import CodeError, refusal

MINUTE_MS: Final = 60_000
TEN_SECONDS_MS: Final = 10_000
DAY_MS: Final = 86_400_000
FIRST_BAN_MS: Final = 2 * MINUTE_MS
LONGEST_BAN_MS: Final = 3 * DAY_MS
PATIENCE: Final = 20


@attrs.define
class CountWindow:
    """A counter that starts again from zero when the venue's clock enters the next window."""

    length_ms: int
    limit: int
    count: int = 0
    _index: int = -1

    def roll(self, now_ms: int) -> None:
        """Start again if a new window has begun."""
        if now_ms // self.length_ms != self._index:
            self._index = now_ms // self.length_ms
            self.count = 0

    def left_s(self, now_ms: int) -> int:
        """Whole seconds until the next window."""
        return max(1, math.ceil((self.length_ms - now_ms % self.length_ms) / 1000))


@attrs.frozen
class OrderCost:
    """What a call adds to the order counts of ten seconds and of a minute."""

    ten_seconds: int = 0
    minute: int = 0


FREE: Final = OrderCost()


class Limits:
    """The counters of one address and one account.

    Who goes on after a 429 is banned (418): first for two minutes, twice as long each further time, three days at
    most. With `enforced` false everything is counted and shown, and nothing refused.
    """

    def __init__(
        self, server_ms: Callable[[], int], *, enforced: bool, weight: int, orders_10s: int, orders_1m: int
    ) -> None:
        self._server_ms = server_ms
        self._enforced = enforced
        self.weight = CountWindow(MINUTE_MS, weight)
        self.orders_10s = CountWindow(TEN_SECONDS_MS, orders_10s)
        self.orders_1m = CountWindow(MINUTE_MS, orders_1m)
        self._refused = 0
        self._bans = 0
        self._banned_until_ms = 0

    def spend_weight(self, weight: int) -> None:
        """Count a request; 429 (-1003) past the limit, 418 for who does not stop."""
        now_ms = self._roll()
        self._refuse_banned(now_ms)
        self.weight.count += weight

        if self._enforced and self.weight.count > self.weight.limit:
            self._refused += 1

            if self._refused > PATIENCE:
                self._ban(now_ms)
                self._refuse_banned(now_ms)

            raise _with_retry(refusal(-1003, limit=self.weight.limit), self.weight.left_s(now_ms))

    def spend_orders(self, cost: OrderCost) -> None:
        """Count new and modified orders; 429 (-1015) past a limit, and then nothing is counted."""
        now_ms = self._roll()
        windows = ((self.orders_10s, cost.ten_seconds, "10 SECOND"), (self.orders_1m, cost.minute, "MINUTE"))

        for window, count, interval in windows:
            if self._enforced and window.count + count > window.limit:
                error = refusal(-1015, limit=window.limit, interval=interval)
                raise _with_retry(error, window.left_s(now_ms))

        for window, count, _ in windows:
            window.count += count

    def headers(self, *, orders: bool) -> dict[str, str]:
        """The counters as the venue shows them; order counts on answers about orders only."""
        self._roll()
        shown = {"X-MBX-USED-WEIGHT-1M": str(self.weight.count)}

        if orders:
            shown["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.count)
            shown["X-MBX-ORDER-COUNT-1M"] = str(self.orders_1m.count)

        return shown

    def describe(self) -> list[dict[str, object]]:
        """The limits as `exchangeInfo` lists them."""
        return [
            _described("REQUEST_WEIGHT", "MINUTE", 1, self.weight.limit),
            _described("ORDERS", "MINUTE", 1, self.orders_1m.limit),
            _described("ORDERS", "SECOND", 10, self.orders_10s.limit),
        ]

    def describe_orders(self) -> list[dict[str, object]]:
        """The limits on orders alone, as `rateLimit/order` lists them."""
        return [
            _described("ORDERS", "SECOND", 10, self.orders_10s.limit),
            _described("ORDERS", "MINUTE", 1, self.orders_1m.limit),
        ]

    def _roll(self) -> int:
        now_ms = self._server_ms()
        before = self.weight.count

        for window in (self.weight, self.orders_10s, self.orders_1m):
            window.roll(now_ms)

        if self.weight.count < before:
            self._refused = 0

        return now_ms

    def _ban(self, now_ms: int) -> None:
        self._banned_until_ms = now_ms + min(FIRST_BAN_MS * 2**self._bans, LONGEST_BAN_MS)
        self._bans += 1
        self._refused = 0

    def _refuse_banned(self, now_ms: int) -> None:
        if now_ms >= self._banned_until_ms:
            return

        text = (
            f"Way too many requests; IP(127.0.0.1) banned until {self._banned_until_ms}. "
            "Please use the websocket for live updates to avoid bans."
        )

        raise _with_retry(CodeError(-1003, text, status=418), math.ceil((self._banned_until_ms - now_ms) / 1000))


def _with_retry(error: CodeError, seconds: int) -> CodeError:
    error.headers = {"Retry-After": str(seconds)}

    return error


def _described(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
