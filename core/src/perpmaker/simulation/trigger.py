"""Conditional orders: a namespace of their own, seen by no query for ordinary orders, checked when they trigger."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

import attrs

from perpmaker.model.order import PositionMode, Side
from perpmaker.simulation.account import Account
from perpmaker.simulation.event import ConditionalChanged
from perpmaker.simulation.filter import parse_lots, parse_ticks
from perpmaker.simulation.matching_engine import MatchingEngine
from perpmaker.simulation.order import (
    Cause,
    ConditionalOrder,
    ConditionalRequest,
    ConditionalState,
    OrderRequest,
    TriggerKind,
    TriggerPrice,
)
from perpmaker.simulation.order_entry import is_closing, place
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker.simulation.trailing import begin_trailing, follow

_KEPT = 1000
"""How many conditional orders of an account are known, ended ones included: each market event looks through them."""

_FORGOTTEN_AT_ONCE = 100


def place_conditional(floor: MatchingEngine, account: Account, request: ConditionalRequest) -> ConditionalOrder:
    """Take a conditional order. Margin and reduce-only are not looked at before it triggers."""
    ticks = 0 if request.trigger is None else parse_ticks(floor.instrument, request.trigger)
    price = None if request.price is None else parse_ticks(floor.instrument, request.price)
    lots = None if request.amount is None else parse_lots(floor.instrument, request.amount, market=price is None)
    closing = is_closing(account, request.side, request.position_side, reduce_only=request.reduce_only)

    if lots is None and not closing and account.position_mode is PositionMode.HEDGE:
        raise RejectionError(
            Rejection.POSITION_SIDE, f"{request.side.value} does not close {request.position_side.value}"
        )

    if request.client_id and any(
        o.client_id == request.client_id and o.state is ConditionalState.WAITING for o in account.conditionals.values()
    ):
        raise RejectionError(Rejection.DUPLICATE_ID, request.client_id)

    conditional_id = floor.new_id()
    order = ConditionalOrder(
        conditional_id=conditional_id,
        account=account.name,
        client_id=request.client_id or f"sim-{conditional_id}",
        side=request.side,
        position_side=request.position_side,
        trigger_ticks=ticks,
        kind=request.kind,
        watch=request.watch,
        lots=lots,
        reduce_only=request.reduce_only,
        created_ms=floor.now_ms,
        updated_ms=floor.now_ms,
        ticks=price,
        time_in_force=request.time_in_force,
        callback=request.callback,
        protect=request.protect,
        held=request.held,
        self_trade=request.self_trade,
    )
    watched = floor.mark if order.watch is TriggerPrice.MARK else _last(floor)

    if order.kind is TriggerKind.TRAILING:
        order = begin_trailing(floor, order, watched)
    elif not order.held and _reached(floor, order, watched, watched):
        raise RejectionError(Rejection.WOULD_TRIGGER, f"{request.trigger}, now {watched}")

    _change(floor, order, Cause.ACCEPTED)

    return order


def _end_idle(floor: MatchingEngine) -> None:
    """End what closes a position that there is not."""
    for order in _all_waiting(floor):
        if order.close_position and not floor.accounts[order.account].holdings[order.position_side].lots:
            end_conditional(floor, order)


def end_conditional(floor: MatchingEngine, order: ConditionalOrder) -> ConditionalOrder:
    """Cancel a waiting conditional order."""
    order = attrs.evolve(order, state=ConditionalState.CANCELLED, updated_ms=floor.now_ms)
    _change(floor, order, Cause.CANCELLED)

    return order


def find_conditional(account: Account, conditional_id: int | None, client_id: str | None) -> ConditionalOrder | None:
    """Return a conditional order, waiting or not. The newest of several that used a client id."""
    if conditional_id is not None:
        return account.conditionals.get(conditional_id)

    return next((o for o in reversed(account.conditionals.values()) if o.client_id == client_id), None)


def waiting(account: Account) -> list[ConditionalOrder]:
    """Return the conditional orders that may still trigger, oldest first."""
    return [o for o in account.conditionals.values() if o.state is ConditionalState.WAITING]


def find_waiting(owner: Account, conditional_id: int | None, client_id: str | None) -> ConditionalOrder:
    """Return a conditional order that waits. Rejected: UNKNOWN_ORDER."""
    order = find_conditional(owner, conditional_id, client_id)

    if order is None or order not in waiting(owner):
        raise RejectionError(Rejection.UNKNOWN_ORDER, str(client_id or conditional_id))

    return order


def check_triggers(floor: MatchingEngine) -> None:
    """Send what the trades since the last check, or the mark price, have triggered, until nothing more is."""
    if floor.stop_customs.end_when_flat:
        _end_idle(floor)

    while True:
        low, high = floor.traded_range or (None, None)
        floor.traded_range = None
        own = (order for order in _all_waiting(floor) if not order.held)
        triggered = [order for order in own if _is_triggered(floor, order, low, high)]

        for order in triggered:
            send(floor, order)

        if not triggered:
            return


def _all_waiting(floor: MatchingEngine) -> list[ConditionalOrder]:
    return [order for account in floor.accounts.values() if account.conditionals for order in waiting(account)]


def _is_triggered(floor: MatchingEngine, order: ConditionalOrder, low: int | None, high: int | None) -> bool:
    if order.watch is TriggerPrice.MARK:
        lowest = highest = floor.mark
    elif low is None or high is None:
        return False
    else:
        lowest, highest = floor.instrument.price(low), floor.instrument.price(high)

    if order.kind is TriggerKind.TRAILING:
        reached = follow(floor, order, lowest, highest)
    else:
        reached = _reached(floor, order, lowest, highest)

    return reached and not _is_held_back(floor, order)


def _is_held_back(floor: MatchingEngine, order: ConditionalOrder) -> bool:
    """Whether last and mark price are too far apart for an order that is protected against that."""
    return order.protect is not None and abs(_last(floor) - floor.mark) > floor.mark * order.protect


def _last(floor: MatchingEngine) -> Decimal:
    return floor.mark if floor.last_ticks is None else floor.instrument.price(floor.last_ticks)


def _reached(floor: MatchingEngine, order: ConditionalOrder, low: Decimal, high: Decimal) -> bool:
    """Whether prices between low and high trigger: a buying stop from below, a buying take-profit from above."""
    trigger = floor.instrument.price(order.trigger_ticks)
    rising = (order.side is Side.BUY) is (order.kind is TriggerKind.STOP)

    return high >= trigger if rising else low <= trigger


def send(floor: MatchingEngine, order: ConditionalOrder) -> None:
    """Send the order that a conditional one becomes, whatever the price is."""
    account = floor.accounts[order.account]
    lots = order.lots if order.lots is not None else abs(account.holdings[order.position_side].lots)
    request = OrderRequest(
        side=order.side,
        amount=floor.instrument.amount(lots),
        price=None if order.ticks is None else floor.instrument.price(order.ticks),
        time_in_force=order.time_in_force,
        position_side=order.position_side,
        reduce_only=order.reduce_only or (order.close_position and account.position_mode is PositionMode.ONE_WAY),
        self_trade=order.self_trade,
    )

    try:
        sent = place(floor, account, request, conditional_id=order.conditional_id, whole=order.close_position)
    except RejectionError as rejected:
        order = attrs.evolve(order, state=ConditionalState.REJECTED, detail=str(rejected), updated_ms=floor.now_ms)
        _change(floor, order, Cause.TRIGGER_REFUSED)

        return

    order = attrs.evolve(order, state=ConditionalState.TRIGGERED, order_id=sent.order_id, updated_ms=floor.now_ms)
    _change(floor, order, Cause.TRIGGERED)


def _change(floor: MatchingEngine, order: ConditionalOrder, cause: Cause) -> None:
    known = floor.accounts[order.account].conditionals
    known[order.conditional_id] = order

    if len(known) > _KEPT:
        ended = (one.conditional_id for one in known.values() if one.state is not ConditionalState.WAITING)

        for conditional_id in list(islice(ended, _FORGOTTEN_AT_ONCE)):
            del known[conditional_id]

    floor.emit(ConditionalChanged(account=order.account, order=order, cause=cause, now_ms=floor.now_ms))
