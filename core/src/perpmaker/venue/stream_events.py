"""What a stream brings of the account and its orders, as events. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import BalanceReported, Event, OrderFilled, OrderReported, PositionReported
from perpmaker.model.order import Fill, OrderReport


def account_events(account: AccountSnapshot) -> tuple[BalanceReported | PositionReported, ...]:
    """Return what a picture says of each asset and each position. What is free for margin has to be asked for."""
    balances = tuple(BalanceReported(balance=balance) for balance in account.assets)

    return (*balances, *(PositionReported(position=position) for position in account.positions))


def events_of(told: OrderReport | Fill | AccountSnapshot | Event) -> Sequence[Event]:
    """Return what a stream says as events. What is free for margin of an account has to be asked for."""
    match told:
        case OrderReport():
            return (OrderReported(report=told, by_stream=True),)
        case Fill():
            return (OrderFilled(fill=told),)
        case AccountSnapshot():
            return account_events(told)
        case _:
            return (told,)
