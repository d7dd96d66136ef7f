"""What happened on an account of Binance: weeks of the last three months, in pages of a thousand rows."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.venue import Page, Span, read_history
from perpmaker_binance_perpetual.messages import IncomeRow, UserTrade
from perpmaker_binance_perpetual.rest import PAGE, Rest

_DAY_MS = 24 * 3_600_000
_WEEK_MS = 7 * _DAY_MS
"""The venue looks at no more at once."""

_KEPT_MS = 89 * _DAY_MS
"""What is older than three months is not to be had."""


async def read_trades(rest: Rest, symbol: str, since_ms: int, now_ms: int) -> Sequence[UserTrade]:
    """Read all fills of a market from a venue time on, oldest first; a full page is followed from its last id on."""

    async def fetch(start_ms: int, end_ms: int, from_id: int | None) -> Page[UserTrade, int]:
        window = {"startTime": start_ms, "endTime": end_ms} if from_id is None else {"fromId": from_id}
        page = await rest.user_trades(symbol, window)

        return Page(page.rows, page.rows[-1].id + 1 if page.sent >= PAGE and page.rows else None)

    trades = await read_history(_span(since_ms, now_ms), fetch, lambda trade: trade.id)

    return sorted(trades, key=lambda trade: (trade.time, trade.id))


async def read_income(rest: Rest, symbol: str, since_ms: int, now_ms: int) -> Sequence[IncomeRow]:
    """Read everything booked for a market from a venue time on, oldest first.

    A full page is followed from the time of its last row on: what that page had already is known by its id.
    """

    async def fetch(start_ms: int, end_ms: int, from_ms: int | None) -> Page[IncomeRow, int]:
        first_ms = start_ms if from_ms is None else from_ms
        page = await rest.income(symbol, first_ms, end_ms)

        return Page(page.rows, max(first_ms + 1, page.rows[-1].time) if page.sent >= PAGE and page.rows else None)

    rows = await read_history(_span(since_ms, now_ms), fetch, lambda row: (row.incomeType, row.tranId, row.asset))

    return sorted(rows, key=lambda row: row.time)


def _span(since_ms: int, now_ms: int) -> Span:
    return Span(since_ms=since_ms, until_ms=now_ms, window_ms=_WEEK_MS, kept_ms=_KEPT_MS)
