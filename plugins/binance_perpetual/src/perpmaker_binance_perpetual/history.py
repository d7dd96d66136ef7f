"""What happened on an account, week by week: the venue looks at no more at once, and answers in pages."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker_binance_perpetual.messages import IncomeRow, UserTrade
from perpmaker_binance_perpetual.rest import PAGE, Rest

_WEEK_MS = 7 * 24 * 3_600_000

_KEPT_MS = 89 * 24 * 3_600_000
"""What is older than three months is not to be had."""


async def read_trades(rest: Rest, symbol: str, since_ms: int, now_ms: int) -> Sequence[UserTrade]:
    """All fills of a market from a venue time on, oldest first; a full page is followed from its last id on."""
    start = max(since_ms, now_ms - _KEPT_MS)
    trades: dict[int, UserTrade] = {}

    while start <= now_ms:
        page = await rest.user_trades(symbol, {"startTime": start, "endTime": start + _WEEK_MS - 1})
        trades.update((trade.id, trade) for trade in page.rows)

        while page.sent >= PAGE and page.rows:
            page = await rest.user_trades(symbol, {"fromId": page.rows[-1].id + 1})
            trades.update((trade.id, trade) for trade in page.rows)

        start += _WEEK_MS

    return sorted(trades.values(), key=lambda trade: (trade.time, trade.id))


async def read_income(rest: Rest, symbol: str, since_ms: int, now_ms: int) -> Sequence[IncomeRow]:
    """Everything booked for a market from a venue time on, oldest first.

    A full page is followed from the time of its last row on: what that page had already is known by its id.
    """
    start = max(since_ms, now_ms - _KEPT_MS)
    found: dict[tuple[str, int, str], IncomeRow] = {}

    while start <= now_ms:
        end = start + _WEEK_MS - 1
        page = await rest.income(symbol, start, end)
        found.update(((row.incomeType, row.tranId, row.asset), row) for row in page.rows)
        is_full = page.sent >= PAGE and page.rows
        start = max(start + 1, page.rows[-1].time) if is_full else end + 1

    return sorted(found.values(), key=lambda row: row.time)
