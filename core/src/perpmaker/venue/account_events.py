"""A picture of the account that a stream brings, as events. Pure."""

from __future__ import annotations

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import BalanceReported, PositionReported


def account_events(account: AccountSnapshot) -> tuple[BalanceReported | PositionReported, ...]:
    """Return what a picture says of each asset and each position. What is free for margin has to be asked for."""
    balances = tuple(BalanceReported(balance=balance) for balance in account.assets)

    return (*balances, *(PositionReported(position=position) for position in account.positions))
