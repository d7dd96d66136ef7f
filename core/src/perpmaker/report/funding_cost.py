"""What funding costs positions as they are: the next payment, a day, and the profit that pays for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from perpmaker.model.position import Position
from perpmaker.report.preflight_fill import TARGET_FACTOR
from perpmaker.report.status import FundingStatus, iso

_ZERO = Decimal(0)
_DAY_H = 24


def funding_status(
    positions: Iterable[Position],
    *,
    mark: Decimal | None,
    rate: Decimal | None,
    interval_h: int,
    next_ms: int | None,
    now_ms: int,
    paid: Mapping[str, Decimal],
) -> FundingStatus:
    """Return funding for these positions. With a positive rate longs pay shorts, and costs are positive where paid."""
    known = None if rate is None or mark is None else (rate, mark)
    cost = None if known is None else known[0] * known[1] * sum((one.amount for one in positions), _ZERO)
    day = None if cost is None else cost * _DAY_H / interval_h
    break_even = None if day is None else max(_ZERO, day)

    return FundingStatus(
        rate=rate,
        interval_h=interval_h,
        next_payment=None if next_ms is None else iso(next_ms),
        next_in_s=None if next_ms is None else round(max(0.0, (next_ms - now_ms) / 1000), 1),
        cost_next=cost,
        cost_a_day=day,
        break_even_a_day=break_even,
        min_daily_profit_target=None if break_even is None else TARGET_FACTOR * break_even,
        paid_by_asset=paid,
    )
