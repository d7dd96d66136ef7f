"""The rate limits: per second and kind of request for the account, and over five seconds for the address.

Figures: rate limit page; what is counted for the address is HTTP alone, and a breach shuts it out for ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from perpmaker.venue.sandbox import Bans, CountWindow, RefusalError, RequestCounts, ServedEndpoint
from perpmaker_bybit_perpetual.sandbox.options import Options
from perpmaker_bybit_perpetual.sandbox.refusals import refusal

SECOND_MS: Final = 1000
ADDRESS: Final = "address"
CREATE, AMEND, CANCEL, CANCEL_ALL = "create", "amend", "cancel", "cancel-all"
CREATE_BATCH, AMEND_BATCH, CANCEL_BATCH = "create-batch", "amend-batch", "cancel-batch"
COMMANDS: Final = (CREATE, AMEND, CANCEL, CANCEL_ALL, CREATE_BATCH, AMEND_BATCH, CANCEL_BATCH)
QUERIES: Final = {
    "realtime": 50,
    "history": 50,
    "executions": 50,
    "positions": 50,
    "wallet": 50,
    "info": 50,
    "setting-config": 50,
    "set-limit-action": 10,
    "leverage": 10,
    "mode": 10,
    "trading-stop": 10,
    "fee-rate": 5,
    "log": 25,
    "key": 10,
    "coins": 5,
    "dcp": 5,
}
BAN_MS: Final = 600_000


class Limits:
    """Counts requests, refuses what is too many, and shows the counters in headers."""

    def __init__(self, server_ms: Callable[[], int], options: Options, *, enforced: bool) -> None:
        self._server_ms = server_ms
        self._windows = {
            ADDRESS: CountWindow(5 * SECOND_MS, 600, of_address=True),
            **{name: CountWindow(SECOND_MS, options.orders_per_s) for name in COMMANDS},
            **{name: CountWindow(SECOND_MS, limit) for name, limit in QUERIES.items()},
        }
        bans = Bans(after=0, first_ms=BAN_MS, longest_ms=BAN_MS)
        self.counts = RequestCounts(server_ms, self._windows, self, bans=bans, enforced=enforced)

    def too_many(self, _name: str, window: CountWindow, _left_ms: int) -> RefusalError:
        """10006, with HTTP 200."""
        return refusal(10006, limit=window.limit)

    def banned(self, _until_ms: int, _left_ms: int) -> RefusalError:
        """HTTP 403."""
        return refusal(10018)

    def headers_of(self, endpoint: ServedEndpoint[Any] | None) -> dict[str, str]:
        """The counter of an endpoint as the venue shows it; nothing where the account's calls are not counted."""
        name = None if endpoint is None else next((name for name in endpoint.costs if name != ADDRESS), None)

        if name is None:
            return {}

        window, left = self._windows[name], self._windows[name].limit - self.counts.counted()[name]
        now_ms = self._server_ms()
        reset_ms = now_ms if left > 0 else now_ms + window.left_ms(now_ms)

        return {
            "X-Bapi-Limit": str(window.limit),
            "X-Bapi-Limit-Status": str(max(left, 0)),
            "X-Bapi-Limit-Reset-Timestamp": str(reset_ms),
        }
