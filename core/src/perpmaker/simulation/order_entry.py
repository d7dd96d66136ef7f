"""Taking, amending and cancelling orders: every check that a venue makes, in the order in which it makes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from perpmaker.model.margin import largest_notional
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.simulation.account import ZERO, Account
from perpmaker.simulation.event import OrderChanged
from perpmaker.simulation.filter import check_band, check_notional, market_bound, parse_lots, parse_ticks
from perpmaker.simulation.matching_engine import MatchingEngine
from perpmaker.simulation.order import Cause, OrderRequest, OrderState, SimulatedOrder, TimeInForce
from perpmaker.simulation.rejection import Rejection, RejectionError

AMENDS_LIMIT: Final = 10_000
"""An order may be moved less often than this."""


def place(
    floor: MatchingEngine,
    account: Account,
    request: OrderRequest,
    *,
    conditional_id: int | None = None,
    whole: bool = False,
) -> SimulatedOrder:
    """Take an order or raise RejectionError. Afterwards it rests, is filled, or has expired.

    `whole`: a close of the whole position, to which other closing orders give way.
    """
    return _accept(floor, attrs.evolve(check(floor, account, request, whole=whole), conditional_id=conditional_id))


def check(floor: MatchingEngine, account: Account, request: OrderRequest, *, whole: bool = False) -> SimulatedOrder:
    """Raise RejectionError where `place` would; returns the order as it would be taken, and keeps nothing of it."""
    if account.liquidating:
        raise RejectionError(Rejection.IN_LIQUIDATION)

    order = _draft(floor, account, request, whole=whole)
    _check_market(floor, order)
    _check_margin(floor, account, order)

    return order


def trade_off_book(floor: MatchingEngine, account: Account, request: OrderRequest) -> SimulatedOrder:
    """Take an order that trades at its price off the book, or raise RejectionError.

    No other order of the account is touched, unless the position no longer carries it.
    """
    if account.liquidating:
        raise RejectionError(Rejection.IN_LIQUIDATION)

    order = _draft(floor, account, request, whole=False)
    ticks = _price_ticks(floor, order)
    _check_margin(floor, account, order)
    _keep_accepted(floor, order)
    trade_id = floor.print_trade(order.side, ticks, order.lots)

    return floor.execute(order, ticks, order.lots, trade_id, maker=False)


def force(floor: MatchingEngine, account: Account, position_side: PositionSide) -> SimulatedOrder:
    """Close a position at market, whatever it costs: the exchange's own order in a liquidation."""
    lots = account.holdings[position_side].lots
    order_id = floor.new_id()
    order = SimulatedOrder(
        order_id=order_id,
        account=account.name,
        client_id=f"liquidation-{order_id}",
        side=Side.SELL if lots > 0 else Side.BUY,
        position_side=position_side,
        ticks=None,
        lots=abs(lots),
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        closing=True,
        created_ms=floor.now_ms,
        updated_ms=floor.now_ms,
        forced=True,
    )

    return _accept(floor, order)


def amend(
    floor: MatchingEngine, order: SimulatedOrder, price: Decimal, amount: Decimal, amend_id: int
) -> SimulatedOrder:
    """Move a resting order.

    It loses its place. It ends where a venue would end it, and stays when rejected.
    """
    instrument, account = floor.instrument, floor.accounts[order.account]
    ticks = parse_ticks(instrument, price)
    lots = parse_lots(instrument, amount, market=False)

    if (ticks, lots) == (order.ticks, order.lots):
        raise RejectionError(Rejection.UNCHANGED)

    if order.amends + 1 >= AMENDS_LIMIT:
        raise RejectionError(Rejection.TOO_MANY_AMENDS)

    check_band(instrument, order.side, price, floor.mark)

    if not order.closing:
        check_notional(instrument, price, amount)

    if lots <= order.filled_lots:
        return floor.end(order, Cause.AMEND)

    if order.time_in_force is TimeInForce.POST_ONLY and floor.book.crosses(order.side, ticks):
        return floor.end(order, Cause.AMEND)

    if order.closing:
        room = account.room(order.side, order.position_side) + order.remaining_lots
        lots = min(lots, order.filled_lots + room)

    moved = attrs.evolve(
        order, ticks=ticks, lots=lots, updated_ms=floor.now_ms, amend_id=amend_id, amends=order.amends + 1
    )
    _check_margin(floor, account, moved)
    floor.unrest(order)
    floor.keep(moved)
    floor.emit(OrderChanged(account=account.name, order=moved, cause=Cause.AMENDED, now_ms=floor.now_ms))

    return _match(floor, moved)


def find_open(account: Account, order_id: int | None, client_id: str | None) -> SimulatedOrder:
    """Return the open order of that id. RejectionError (UNKNOWN_ORDER) when there is none."""
    order = find(account, order_id, client_id)

    if order is None or order.order_id not in account.open_orders:
        raise RejectionError(Rejection.UNKNOWN_ORDER, str(order_id if client_id is None else client_id))

    return order


def find(account: Account, order_id: int | None, client_id: str | None) -> SimulatedOrder | None:
    """Return an order, open or not. The newest of several that used a client id."""
    if order_id is None:
        order_id = account.order_ids.get(client_id or "")

    return None if order_id is None else account.orders.get(order_id)


def is_closing(account: Account, side: Side, position_side: PositionSide, *, reduce_only: bool) -> bool:
    """Return whether an order may only shrink a position. Rejected: POSITION_SIDE, REDUCE_ONLY_IN_HEDGE."""
    if position_side not in account.sides:
        raise RejectionError(Rejection.POSITION_SIDE, f"{position_side.value} in {account.position_mode.value} mode")

    if account.position_mode is PositionMode.ONE_WAY:
        return reduce_only

    if reduce_only:
        raise RejectionError(Rejection.REDUCE_ONLY_IN_HEDGE)

    return (side is Side.SELL) is (position_side is PositionSide.LONG)


def _draft(floor: MatchingEngine, account: Account, request: OrderRequest, *, whole: bool) -> SimulatedOrder:
    market = request.price is None
    ticks = None if request.price is None else parse_ticks(floor.instrument, request.price)
    closing = is_closing(account, request.side, request.position_side, reduce_only=request.reduce_only)
    closable = _closable(account, request, whole=whole) if closing else None
    lots = parse_lots(floor.instrument, request.amount, market=market)

    if request.client_id and account.order_ids.get(request.client_id) in account.open_orders:
        raise RejectionError(Rejection.DUPLICATE_ID, request.client_id)

    order_id = floor.new_id()

    return SimulatedOrder(
        order_id=order_id,
        account=account.name,
        client_id=request.client_id or f"sim-{order_id}",
        side=request.side,
        position_side=request.position_side,
        ticks=ticks,
        lots=lots if closable is None else min(lots, closable),
        time_in_force=TimeInForce.IOC if market else request.time_in_force,
        reduce_only=request.reduce_only,
        closing=closing,
        created_ms=floor.now_ms,
        updated_ms=floor.now_ms,
        good_till_ms=request.good_till_ms,
        label=request.label,
        self_trade=request.self_trade,
    )


def _closable(account: Account, request: OrderRequest, *, whole: bool) -> int:
    if account.closing_side(request.position_side) is not request.side:
        raise RejectionError(Rejection.REDUCE_ONLY)

    if whole:
        return abs(account.holdings[request.position_side].lots)

    room = account.room(request.side, request.position_side)

    if room == 0:
        raise RejectionError(Rejection.REDUCE_ONLY_COMPETING)

    return room


def _check_market(floor: MatchingEngine, order: SimulatedOrder) -> None:
    instrument = floor.instrument
    opposite = floor.book.side(order.side.opposite)
    best = opposite.best_ticks()

    if order.ticks is None and best is None:
        raise RejectionError(Rejection.NO_LIQUIDITY)

    price = instrument.price(_price_ticks(floor, order))
    bound = market_bound(instrument, order.side, floor.mark) if order.ticks is None else None

    if bound is not None and order.side.sign * ((best or 0) - bound) > 0:
        raise RejectionError(Rejection.MARKET_BAND, f"best {price}, bound {instrument.price(bound)}")

    check_band(instrument, order.side, price, floor.mark)

    if not order.closing:
        check_notional(instrument, price, instrument.amount(order.lots))

    resting = len(floor.accounts[order.account].open_orders)

    if instrument.max_orders is not None and resting >= instrument.max_orders:
        raise RejectionError(Rejection.TOO_MANY_ORDERS, f"at most {instrument.max_orders}")

    if order.time_in_force is TimeInForce.POST_ONLY and floor.book.crosses(order.side, order.ticks or 0):
        raise RejectionError(Rejection.POST_ONLY_WOULD_TAKE)

    if order.time_in_force is TimeInForce.FOK and opposite.fillable(order.ticks) < order.lots:
        raise RejectionError(Rejection.FOK_NOT_FILLABLE)


def _price_ticks(floor: MatchingEngine, order: SimulatedOrder) -> int:
    if order.ticks is not None:
        return order.ticks

    return floor.book.side(order.side.opposite).best_ticks() or 0


def _check_margin(floor: MatchingEngine, account: Account, order: SimulatedOrder) -> None:
    """Refuse what the account cannot back: margin at the order's price, its taker fee, and its loss at the mark."""
    if order.closing:
        return

    mark, price = floor.mark, floor.instrument.price(_price_ticks(floor, order))
    others = [resting for resting in account.open_orders.values() if resting.order_id != order.order_id]
    priced = attrs.evolve(order, ticks=_price_ticks(floor, order))
    added = account.order_margin([*others, priced], mark) - account.order_margin(others, mark)

    if added <= 0:
        return

    amount = floor.instrument.amount(order.remaining_lots)
    loss = max((price - mark) * order.side.sign, ZERO) * amount
    needed = added + loss + price * amount * floor.instrument.taker_fee
    free = account.available(others, mark)

    if needed > free:
        raise RejectionError(Rejection.INSUFFICIENT_MARGIN, f"{needed:.8f} needed, {max(free, ZERO):.8f} available")

    most = largest_notional(floor.instrument.tiers, account.leverage)
    exposure = account.order_notional([*others, priced], order.side, order.position_side) * order.side.sign
    exposure += account.notional(order.position_side, mark)

    if most is not None and abs(exposure) > most:
        raise RejectionError(Rejection.LEVERAGE_LIMIT, f"at most {most} at {account.leverage}x")


def _accept(floor: MatchingEngine, order: SimulatedOrder) -> SimulatedOrder:
    _keep_accepted(floor, order)

    return _match(floor, order)


def _keep_accepted(floor: MatchingEngine, order: SimulatedOrder) -> None:
    floor.accounts[order.account].order_ids[order.client_id] = order.order_id
    floor.keep(order)
    floor.emit(OrderChanged(account=order.account, order=order, cause=Cause.ACCEPTED, now_ms=floor.now_ms))


def _match(floor: MatchingEngine, order: SimulatedOrder) -> SimulatedOrder:
    limit = market_bound(floor.instrument, order.side, floor.mark) if order.ticks is None else order.ticks
    order = floor.sweep(order.side, order.remaining_lots, limit, order) or order

    if order.state is not OrderState.OPEN:
        return order

    if order.ticks is None or order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
        return floor.end(order, Cause.REMAINDER)

    floor.rest(order)

    return order
