"""Changing what an account is set to, with the refusals of a real venue."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.income import IncomeKind
from perpmaker.model.margin import largest_notional
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode
from perpmaker.simulation.account import Account
from perpmaker.simulation.event import AccountCause, SettingsChanged
from perpmaker.simulation.matching_engine import MatchingEngine
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker.simulation.statement import AccountState, Assets, OtherAsset
from perpmaker.simulation.trigger import waiting


def change_leverage(floor: MatchingEngine, account: Account, leverage: int) -> None:
    """Change the leverage. Rejected: LEVERAGE, LEVERAGE_LIMIT, LEVERAGE_REDUCTION, INSUFFICIENT_MARGIN."""
    if not 1 <= leverage <= floor.instrument.max_leverage:
        raise RejectionError(Rejection.LEVERAGE, f"1 to {floor.instrument.max_leverage}")

    before, account.leverage = account.leverage, leverage

    try:
        _check_leverage(floor, account, before)
    except RejectionError:
        account.leverage = before
        raise

    _changed(floor, account)


def change_margin_mode(floor: MatchingEngine, account: Account, mode: MarginMode) -> None:
    """Change the margin mode. Rejected: UNCHANGED, OPEN_ORDERS, OPEN_POSITION."""
    _check_idle(account, unchanged=mode is account.margin_mode)
    account.margin_mode = mode
    _changed(floor, account)


def change_position_mode(floor: MatchingEngine, account: Account, mode: PositionMode) -> None:
    """Change the position mode. Rejected: UNCHANGED, OPEN_ORDERS, OPEN_POSITION."""
    _check_idle(account, unchanged=mode is account.position_mode)
    account.position_mode = mode
    _changed(floor, account)


def change_assets(floor: MatchingEngine, account: Account, assets: Assets) -> AccountState:
    """Have these assets from now on. What comes or goes is a transfer."""
    before, account.assets = account.assets, assets
    changed = {asset: row for asset, row in assets.others.items() if before.others.get(asset) != row}

    for asset, (wallet, value) in changed.items():
        known = account.others.get(asset, OtherAsset(asset, Decimal(0), value))
        account.others[asset] = attrs.evolve(known, value=value)
        change = wallet - known.wallet
        account.book_income(IncomeKind.TRANSFER, change, floor.now_ms, floor.new_id(), None, asset=asset)

    floor.account_changed(account, AccountCause.TRANSFER)

    return account.state(floor.mark)


def _check_leverage(floor: MatchingEngine, account: Account, before: int) -> None:
    most = largest_notional(floor.instrument.tiers, account.leverage)
    held = max(abs(account.notional(side, floor.mark)) for side in account.sides)

    if most is not None and held > most:
        raise RejectionError(Rejection.LEVERAGE_LIMIT, f"at most {most} at {account.leverage}x")

    if held and account.leverage < before and account.isolated_leverage is not None:
        raise RejectionError(Rejection.LEVERAGE_REDUCTION)

    if account.leverage < before and account.available(account.open_orders.values(), floor.mark) < 0:
        raise RejectionError(Rejection.INSUFFICIENT_MARGIN)


def _check_idle(account: Account, *, unchanged: bool) -> None:
    if unchanged:
        raise RejectionError(Rejection.UNCHANGED)

    if account.open_orders or waiting(account):
        raise RejectionError(Rejection.OPEN_ORDERS)

    if any(account.holdings[side].lots for side in account.sides):
        raise RejectionError(Rejection.OPEN_POSITION)


def _changed(floor: MatchingEngine, account: Account) -> None:
    floor.emit(SettingsChanged(account=account.name, state=account.state(floor.mark), now_ms=floor.now_ms))
