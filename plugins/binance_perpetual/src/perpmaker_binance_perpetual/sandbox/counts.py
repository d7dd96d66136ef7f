"""Request weight per address and order counts per account, as the venue counts, shows and punishes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from perpmaker.venue.sandbox import Bans, CountWindow, RefusalError, RequestCounts
from perpmaker_binance_perpetual.sandbox.options import Options
from perpmaker_binance_perpetual.sandbox.refusals import refusal

MINUTE_MS: Final = 60_000
WEIGHT: Final = "weight"
TEN_SECONDS: Final = "10 SECOND"
MINUTE: Final = "MINUTE"
ONE_ORDER: Final[Mapping[str, int]] = {TEN_SECONDS: 1, MINUTE: 1}
BATCH: Final[Mapping[str, int]] = {TEN_SECONDS: 5, MINUTE: 1}
BANS: Final = Bans(after=20, first_ms=2 * MINUTE_MS, longest_ms=3 * 86_400_000)
"""Who goes on after a 429 is banned (418)."""


class Limits:
    """The venue's count windows, and how they are shown."""

    def __init__(self, server_ms: Callable[[], int], options: Options, *, enforced: bool) -> None:
        self._windows = {
            WEIGHT: CountWindow(MINUTE_MS, options.weight_1m, of_address=True),
            TEN_SECONDS: CountWindow(10_000, options.orders_10s),
            MINUTE: CountWindow(MINUTE_MS, options.orders_1m),
        }
        self.counts = RequestCounts(server_ms, self._windows, self, bans=BANS, enforced=enforced)

    def too_many(self, name: str, window: CountWindow, left_ms: int) -> RefusalError:
        """429, with -1003 for the weight and -1015 for orders."""
        error = refusal(-1003 if name == WEIGHT else -1015, limit=window.limit, interval=name)

        return _with_retry(error, left_ms)

    def banned(self, until_ms: int, left_ms: int) -> RefusalError:
        """418."""
        text = (
            f"Way too many requests; IP(127.0.0.1) banned until {until_ms}. "
            "Please use the websocket for live updates to avoid bans."
        )

        return _with_retry(RefusalError(-1003, text, status=418), left_ms)

    def headers(self, *, orders: bool) -> dict[str, str]:
        """The counters as the venue shows them; order counts on answers about orders only."""
        counted = self.counts.counted()
        shown = {"X-MBX-USED-WEIGHT-1M": str(counted[WEIGHT])}

        if orders:
            shown["X-MBX-ORDER-COUNT-10S"] = str(counted[TEN_SECONDS])
            shown["X-MBX-ORDER-COUNT-1M"] = str(counted[MINUTE])

        return shown

    def describe(self) -> list[dict[str, object]]:
        """The limits as `exchangeInfo` lists them."""
        ten_seconds, minute = self.describe_orders()

        return [self._described("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT), minute, ten_seconds]

    def describe_orders(self) -> list[dict[str, object]]:
        """The limits on orders alone, as `rateLimit/order` lists them."""
        return [self._described("ORDERS", "SECOND", 10, TEN_SECONDS), self._described("ORDERS", "MINUTE", 1, MINUTE)]

    def _described(self, kind: str, interval: str, number: int, name: str) -> dict[str, object]:
        return {
            "rateLimitType": kind,
            "interval": interval,
            "intervalNum": number,
            "limit": self._windows[name].limit,
        }


def _with_retry(error: RefusalError, left_ms: int) -> RefusalError:
    error.headers = {"Retry-After": str(math.ceil(left_ms / 1000))}

    return error
