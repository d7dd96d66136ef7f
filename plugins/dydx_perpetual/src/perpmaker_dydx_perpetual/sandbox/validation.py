"""What the chain refuses without looking at its state: messages that could never be right."""

from __future__ import annotations

from typing import Final

from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.addresses import is_address
from perpmaker_dydx_perpetual.sandbox.accounts import subaccount_of
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, clob, sdk
from perpmaker_dydx_perpetual.settings import LARGEST_SUBACCOUNT

MOST_MEMO: Final = 256
MOST_IDS: Final = 100
WHOLE_PPM: Final = 1_000_000


def is_short_term(message: tx.ChainMessage) -> bool:
    """Whether a message is about short-term orders, which have no sequence."""
    if isinstance(message, tx.BatchCancel):
        return True

    order_id = _order_id(message)

    return order_id is not None and order_id.flags == tx.SHORT_TERM


def known_messages(transaction: tx.Transaction) -> tuple[tx.ChainMessage, ...]:
    """Return the messages of a transaction; sdk 6 for one that this chain does not serve, 18 for a wrong mixture."""
    known: list[tx.ChainMessage] = []

    for message in transaction.messages:
        if isinstance(message, tx.Any):
            raise sdk(6, f"unable to resolve type URL {message.type_url}: unknown request")

        known.append(message)

    if len(known) > 1 and any(is_short_term(message) for message in known):
        raise sdk(18, "a transaction with a short-term message has no other: invalid request")

    return tuple(known)


def check_body(transaction: tx.Transaction) -> None:
    """Refuse extensions that nobody knows, and a memo that is too long."""
    if transaction.body.critical:
        raise sdk(31, "unknown extension options")

    if len(transaction.body.memo) > MOST_MEMO:
        raise sdk(12, f"maximum number of characters is {MOST_MEMO}: memo too large")


def check_timeout(transaction: tx.Transaction, height: int) -> None:
    """Refuse what is too late, and a short-term order that would outlive its transaction's time."""
    timeout = transaction.body.timeout_height
    order = transaction.messages[0].order if isinstance(transaction.messages[0], tx.PlaceOrder) else None

    if timeout and height > timeout:
        raise sdk(30, f"block height: {height}, timeout height: {timeout}: tx timeout height")

    if timeout and order is not None and order.order_id.flags == tx.SHORT_TERM and timeout < order.good_til_block:
        raise sdk(18, f"timeout height {timeout} is before the GoodTilBlock {order.good_til_block}: invalid request")


def check_message(message: tx.ChainMessage) -> None:
    """Refuse a message that could never be right; ChainError."""
    subaccount = subaccount_of(message)

    if not is_address(subaccount.owner):
        raise ChainError("subaccounts", 201, f"subaccount id owner is an invalid address: {subaccount.owner}")

    if subaccount.number > LARGEST_SUBACCOUNT:
        raise ChainError("subaccounts", 200, f"subaccount id number cannot exceed {LARGEST_SUBACCOUNT}")

    match message:
        case tx.PlaceOrder(order=order):
            _check_order(order)
        case tx.CancelOrder():
            _check_cancel(message)
        case tx.BatchCancel():
            _check_batch(message)
        case tx.UpdateLeverage():
            _check_leverage(message)


def _check_order(order: tx.Order) -> None:
    flags, force = order.order_id.flags, order.time_in_force
    is_ioc = force == tx.TimeInForce.IOC
    _check_flags(order.order_id)

    if order.side not in {tx.BUY, tx.SELL}:
        raise clob(2, f"invalid order side ({order.side}): Invalid order side")

    if force == tx.TimeInForce.FOK:
        raise clob(48, "Fill-or-kill has been deprecated")

    if force > tx.TimeInForce.FOK:
        raise clob(39, f"{force}: Time in force is invalid")

    if order.quantums == 0:
        raise clob(3, "order size quantums cannot be 0: Invalid order quantums")

    _check_end(order.good_til_block, order.good_til_time, is_short_term=flags == tx.SHORT_TERM)

    if flags == tx.LONG_TERM and is_ioc:
        raise clob(3002, "Stateful orders cannot require immediate execution: Invalid time in force")

    if order.subticks == 0:
        raise clob(5, "order subticks cannot be 0: Invalid order subticks")

    if order.reduce_only and not is_ioc:
        raise clob(9003, "Reduce only is currently disabled for non-FOK/IOC orders")

    _check_condition(order)


def _check_condition(order: tx.Order) -> None:
    if order.order_id.flags == tx.CONDITIONAL:
        if order.condition not in {tx.STOP_LOSS, tx.TAKE_PROFIT}:
            raise clob(6000, f"{order.condition}: Condition type is invalid")

        if order.trigger_subticks == 0:
            raise clob(6001, "conditional order trigger subticks cannot be 0: Invalid trigger")

        return

    if order.condition:
        raise clob(6000, f"{order.condition} on an order that is not conditional: Condition type is invalid")

    if order.trigger_subticks:
        raise clob(6001, "trigger subticks on an order that is not conditional: Invalid trigger")


def _check_cancel(message: tx.CancelOrder) -> None:
    _check_flags(message.order_id)
    is_short = message.order_id.flags == tx.SHORT_TERM
    _check_end(message.good_til_block, message.good_til_time, is_short_term=is_short)


def _check_flags(order_id: tx.OrderId) -> None:
    if order_id.flags not in {tx.SHORT_TERM, tx.CONDITIONAL, tx.LONG_TERM}:
        raise clob(3000, f"{order_id.flags}: Invalid order flags")


def _check_end(block: int, time: int, *, is_short_term: bool) -> None:
    if is_short_term and (block == 0 or time):
        raise clob(4, "order GoodTilBlock cannot be 0: Invalid good til block")

    if not is_short_term and (time == 0 or block):
        raise clob(3001, "stateful order GoodTilBlockTime cannot be 0: Invalid good til block time")


def _check_batch(message: tx.BatchCancel) -> None:
    pairs = [batch.clob_pair for batch in message.batches]
    ids = [client_id for batch in message.batches for client_id in batch.client_ids]
    is_odd = any(
        not batch.client_ids or len(set(batch.client_ids)) < len(batch.client_ids) for batch in message.batches
    )

    if not ids or len(ids) > MOST_IDS or is_odd or len(set(pairs)) < len(pairs) or message.good_til_block == 0:
        raise clob(45, f"{len(pairs)} markets, {len(ids)} ids: Invalid batch cancel message")


def _check_leverage(message: tx.UpdateLeverage) -> None:
    pairs = [one.clob_pair for one in message.markets]
    is_odd = any(not 0 < one.margin_ppm <= WHOLE_PPM for one in message.markets)

    if not pairs or is_odd or len(set(pairs)) < len(pairs):
        raise clob(11002, "Invalid leverage")


def _order_id(message: tx.ChainMessage) -> tx.OrderId | None:
    if isinstance(message, tx.PlaceOrder):
        return message.order.order_id

    return message.order_id if isinstance(message, tx.CancelOrder) else None
