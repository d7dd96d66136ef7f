"""What an exchange does to accounts by itself: funding, liquidation, the dead man's switch."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.income import IncomeKind
from perpmaker.model.order import PositionSide
from perpmaker.simulation.account import MONEY, ZERO, Account
from perpmaker.simulation.event import AccountCause, FundingSettled, Liquidated
from perpmaker.simulation.matching_engine import MatchingEngine
from perpmaker.simulation.order import Cause, SimulatedOrder
from perpmaker.simulation.order_entry import force
from perpmaker.simulation.trigger import end_conditional, waiting


def settle_funding(floor: MatchingEngine) -> None:
    """Charge every position mark x rate: with a positive rate longs pay shorts."""
    for account in floor.accounts.values():
        for side in account.sides:
            _charge(floor, account, side)


def _charge(floor: MatchingEngine, account: Account, side: PositionSide) -> None:
    holding = account.holdings[side]

    if holding.lots == 0:
        return

    amount = (-account.notional(side, floor.mark) * floor.funding_rate).quantize(MONEY)
    account.book_income(IncomeKind.FUNDING, amount, floor.now_ms, floor.new_id(), None)

    if account.isolated_leverage is not None:
        holding.isolated += amount

    floor.emit(
        FundingSettled(
            account=account.name,
            side=side,
            amount=amount,
            rate=floor.funding_rate,
            mark=floor.mark,
            now_ms=floor.now_ms,
        )
    )
    sides = (side,) if account.isolated_leverage is not None else ()
    floor.account_changed(account, AccountCause.FUNDING, sides, amount)


def next_due_ms(floor: MatchingEngine) -> int:
    """Return when funding, a dead-man switch or the end of an order is due next."""
    due = floor.next_funding_ms

    for account in floor.accounts.values():
        if account.countdown_ms is not None and account.countdown_ms < due:
            due = account.countdown_ms

    for order in floor.good_till.values():
        due = min(due, order.good_till_ms)

    return due


def check_countdowns(floor: MatchingEngine) -> None:
    """Expire the orders of every account whose dead man's switch has run out."""
    for account in floor.accounts.values():
        if account.countdown_ms is not None and account.countdown_ms <= floor.now_ms:
            account.countdown_ms = None
            floor.end_all(account, Cause.COUNTDOWN)

            if floor.stop_customs.taken_by_switch:
                for order in waiting(account):
                    end_conditional(floor, order)


def check_good_till(floor: MatchingEngine) -> None:
    """Expire the orders whose time is over, and forget those that have ended before."""
    for order_id, order in tuple(floor.good_till.items()):
        resting = floor.accounts[order.account].open_orders.get(order_id)

        if resting is None or order.good_till_ms <= floor.now_ms:
            del floor.good_till[order_id]

            if resting is not None:
                floor.end(resting, Cause.GOOD_TILL)


def check_liquidations(floor: MatchingEngine) -> None:
    """Take over every position whose backing no longer covers its maintenance margin, and go on until it is flat."""
    for account in floor.accounts.values():
        for side in account.sides:
            if side in account.liquidating or account.is_below_maintenance(side, floor.mark):
                _liquidate(floor, account, side)


def _liquidate(floor: MatchingEngine, account: Account, side: PositionSide) -> None:
    holding = account.holdings[side]

    if side not in account.liquidating:
        # Nobody can lose more than what backs the position; beyond that the insurance fund pays.
        at_stake = holding.isolated if account.isolated_leverage is not None else account.wallet
        account.liquidating[side] = account.wallet - at_stake
        floor.end_all(account, Cause.LIQUIDATION)
        floor.emit(Liquidated(account=account.name, side=side, lots=holding.lots, mark=floor.mark, now_ms=floor.now_ms))

    closing = account.closing_side(side)

    if closing is not None and floor.book.side(closing.opposite).best_ticks() is not None:
        _charge_liquidation(floor, account, side, force(floor, account, side))

    if holding.lots == 0:
        _insure(floor, account, account.liquidating.pop(side))


def _charge_liquidation(floor: MatchingEngine, account: Account, side: PositionSide, order: SimulatedOrder) -> None:
    left = max(account.wallet - account.liquidating[side], ZERO)
    fee = min((order.filled_notional * floor.liquidation_fee).quantize(MONEY), left)

    if fee:
        account.book_income(IncomeKind.LIQUIDATION_FEE, -fee, floor.now_ms, floor.new_id(), None)
        floor.account_changed(account, AccountCause.LIQUIDATION, (), -fee)


def _insure(floor: MatchingEngine, account: Account, least: Decimal) -> None:
    missing = least - account.wallet

    if missing > 0:
        account.book_income(IncomeKind.INSURANCE, missing, floor.now_ms, floor.new_id(), None)
        floor.account_changed(account, AccountCause.INSURANCE, (), missing)
