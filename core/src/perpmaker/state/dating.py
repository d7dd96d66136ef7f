"""What happened to the account, dated: every time that lies ahead of the venue's clock is replaced before it counts."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import OrderAccepted
from perpmaker.model.event import (
    BalanceReported,
    Event,
    FundingPaid,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    Resynced,
)
from perpmaker.model.order import Fill, OrderReport
from perpmaker.model.position import Balance, Position
from perpmaker.model.reading import AccountSeen
from perpmaker.state.venue_clock import VenueClock

_Dated = TypeVar("_Dated", Fill, OrderReport, Position, Balance)

Reading = TypeVar("Reading", AccountSeen, Resynced)

DATED: frozenset[type] = frozenset(
    {OrderAccepted, OrderAmended, OrderCancelled, FundingPaid, OrderFilled, OrderReported, BalanceReported}
)
"""Events of the account that carry a date; positions and readings are dated where they are judged."""


_PLAIN = (OrderAccepted, OrderAmended, OrderCancelled, FundingPaid)
"""Those of them that carry it themselves."""


def dated(event: Event, clock: VenueClock, now: float) -> Event:
    """The event with the dates that count; itself where all of them do."""
    if isinstance(event, _PLAIN):
        venue_ms = clock.dated(event.venue_ms, now)

        return event if venue_ms == event.venue_ms else attrs.evolve(event, venue_ms=venue_ms)

    match event:
        case OrderFilled(fill=fill):
            dated_fill = _one(fill, clock, now)

            return event if dated_fill is fill else OrderFilled(fill=dated_fill)
        case OrderReported(report=report):
            dated_report = _one(report, clock, now)

            return event if dated_report is report else attrs.evolve(event, report=dated_report)
        case BalanceReported(balance=balance):
            dated_balance = _one(balance, clock, now)

            return event if dated_balance is balance else BalanceReported(balance=dated_balance)

    return event


def dated_reading(event: Reading, clock: VenueClock, now: float) -> Reading:
    """The reading, of which everything that is dated ahead counts from when it was asked for."""
    if clock.latest_ms(now) is None:
        return event

    changes: dict[str, Any] = {
        name: tuple(_one(one, clock, now, event.began_at) for one in getattr(event, name))
        for name in ("orders", "finished", "fills")
        if hasattr(event, name)
    }
    account = dated_account(event.account, clock, now)
    venue_ms = clock.dated(event.venue_ms, now, event.began_at)

    return attrs.evolve(event, venue_ms=venue_ms, account=account, **changes)


def dated_account(account: AccountSnapshot, clock: VenueClock, now: float) -> AccountSnapshot:
    """The same of the account alone."""
    return attrs.evolve(
        account,
        positions=tuple(_one(one, clock, now, account.asked_at) for one in account.positions),
        assets=tuple(_one(one, clock, now, account.asked_at) for one in account.assets),
    )


def _one(one: _Dated, clock: VenueClock, now: float, since: float | None = None) -> _Dated:
    venue_ms = clock.dated(one.venue_ms, now, since)

    return one if venue_ms == one.venue_ms else attrs.evolve(one, venue_ms=venue_ms)
