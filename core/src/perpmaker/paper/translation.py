"""What the simulated exchange says, in the core's own words; pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from perpmaker.model.account import AccountSnapshot, AssetMode
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    Fill,
    NewOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    StopTrigger,
)
from perpmaker.model.position import Balance, Position, VenueSettings
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import (
    ConditionalOrder,
    ConditionalRequest,
    ConditionalState,
    Execution,
    OrderRequest,
    OrderState,
    SimulatedOrder,
    TimeInForce,
    TriggerKind,
    TriggerPrice,
)
from perpmaker.simulation.statement import AccountState, Income, PositionState

_FORCES = {
    OrderType.POST_ONLY: TimeInForce.POST_ONLY,
    OrderType.LIMIT: TimeInForce.GTC,
    OrderType.IOC: TimeInForce.IOC,
    OrderType.MARKET: TimeInForce.GTC,
}
_TYPES = {
    TimeInForce.POST_ONLY: OrderType.POST_ONLY,
    TimeInForce.GTC: OrderType.LIMIT,
    TimeInForce.IOC: OrderType.IOC,
    TimeInForce.FOK: OrderType.IOC,
}
STATUSES = {
    OrderState.OPEN: OrderStatus.OPEN,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELLED: OrderStatus.CANCELLED,
    OrderState.EXPIRED: OrderStatus.CANCELLED,
}
_STOP_STATUSES = {
    ConditionalState.WAITING: OrderStatus.OPEN,
    ConditionalState.TRIGGERED: OrderStatus.OPEN,
    ConditionalState.REJECTED: OrderStatus.REFUSED,
    ConditionalState.CANCELLED: OrderStatus.CANCELLED,
    ConditionalState.EXPIRED: OrderStatus.CANCELLED,
}


def request_of(exchange: Exchange, order: NewOrder) -> OrderRequest:
    """Return a new order as the exchange takes it. In Hedge mode its position side says that it closes."""
    instrument = exchange.instrument

    return OrderRequest(
        side=order.side,
        amount=instrument.amount(order.lots),
        price=None if order.ticks is None else instrument.price(order.ticks),
        time_in_force=_FORCES[order.type],
        position_side=order.position_side,
        reduce_only=order.reduce_only and order.position_side is PositionSide.NET,
        client_id=order.client_id,
    )


def report_of(order: SimulatedOrder) -> OrderReport:
    """Return an order as it is."""
    return OrderReport(
        client_id=order.client_id,
        venue_id=str(order.order_id),
        side=order.side,
        position_side=order.position_side,
        status=STATUSES[order.state],
        raw_status=order.state.value,
        ticks=order.ticks,
        lots=order.lots,
        filled_lots=order.filled_lots,
        reduce_only=order.reduce_only,
        type=OrderType.MARKET if order.ticks is None else _TYPES[order.time_in_force],
        venue_ms=order.updated_ms,
        ended_by_venue=order.state is OrderState.EXPIRED,
        forced="liquidation" if order.forced else "",
    )


def stop_request_of(order: NewOrder, instrument: Instrument) -> ConditionalRequest:
    """Return a stop as the simulated exchange takes it: of the whole position, or of just the order's lots."""
    is_net = order.position_side is PositionSide.NET

    return ConditionalRequest(
        side=order.side,
        trigger=instrument.price(order.ticks or 0),
        watch=TriggerPrice.MARK if order.trigger is StopTrigger.MARK else TriggerPrice.LAST,
        amount=None if order.whole else instrument.amount(order.lots),
        position_side=order.position_side,
        reduce_only=is_net and not order.whole,
        client_id=order.client_id,
        kind=TriggerKind.TAKE_PROFIT if order.type is OrderType.VENUE_TARGET else TriggerKind.STOP,
    )


def stop_report_of(stop: ConditionalOrder, became: SimulatedOrder | None) -> OrderReport:
    """Return a stop as it is, and `became`, the order that it turned into."""
    status = _STOP_STATUSES[stop.state]

    if stop.state is ConditionalState.TRIGGERED and became is not None and became.state is not OrderState.OPEN:
        status = OrderStatus.FILLED if became.filled_lots else OrderStatus.CANCELLED

    return OrderReport(
        client_id=stop.client_id,
        venue_id=str(stop.conditional_id),
        side=stop.side,
        position_side=stop.position_side,
        status=status,
        raw_status=stop.state.value,
        ticks=stop.trigger_ticks,
        lots=became.lots if became is not None else stop.lots or 0,
        filled_lots=0 if became is None else became.filled_lots,
        reduce_only=True,
        type=OrderType.VENUE_STOP if stop.kind is TriggerKind.STOP else OrderType.VENUE_TARGET,
        venue_ms=stop.updated_ms,
        triggered=stop.state in {ConditionalState.TRIGGERED, ConditionalState.REJECTED},
        whole=stop.close_position,
        trigger=StopTrigger.MARK if stop.watch is TriggerPrice.MARK else StopTrigger.LAST,
    )


def fill_of(exchange: Exchange, execution: Execution, filled_lots: int | None = None) -> Fill:
    """Return an execution. That of a triggered stop carries the stop's client id."""
    order = exchange.order(execution.account, order_id=execution.order_id)
    stop = None if order is None else stop_behind(exchange, order)

    return Fill(
        client_id=execution.client_id if stop is None else stop.client_id,
        venue_id=str(execution.order_id),
        trade_id=str(execution.trade_id),
        side=execution.side,
        position_side=execution.position_side,
        price=execution.price,
        amount=execution.amount,
        fee=execution.fee,
        fee_asset=execution.fee_asset,
        maker=execution.maker,
        realized_pnl=execution.realized,
        venue_ms=execution.now_ms,
        filled_lots=filled_lots,
        forced="liquidation" if execution.forced else "",
    )


def position_of(state: PositionState, now_ms: int) -> Position:
    """Return a position as of a time."""
    return Position(
        side=state.side,
        amount=state.amount,
        entry=state.entry,
        venue_ms=now_ms,
        liquidation=state.liquidation,
        isolated_margin=state.isolated_margin,
    )


def balance_of(state: AccountState, now_ms: int) -> Balance:
    """Return the quote asset of the account, as of a time."""
    return Balance(asset=state.asset, wallet=state.wallet, available=state.available, venue_ms=now_ms)


def balances_of(state: AccountState, now_ms: int) -> tuple[Balance, ...]:
    """Return every asset of the account, as of a time, the quote asset first."""
    others = (
        Balance(asset=other.asset, wallet=other.wallet, available=other.wallet, venue_ms=now_ms)
        for other in state.others
    )

    return (balance_of(state, now_ms), *others)


def account_of(
    state: AccountState, orders: Iterable[SimulatedOrder], instrument: Instrument, now_ms: int
) -> AccountSnapshot:
    """Return the account as of a time, with everything that rests in its orders."""
    resting = list(orders)

    return AccountSnapshot(
        positions=tuple(position_of(position, now_ms) for position in state.positions),
        assets=balances_of(state, now_ms),
        asset_mode=AssetMode.MULTI if state.assets.multi_assets else AssetMode.SINGLE,
        available=state.available,
        equity=state.equity + _worth_of_others(state),
        initial_margin=state.position_margin + state.order_margin + state.assets.bound_elsewhere,
        maintenance_margin=state.maintenance_margin,
        order_margin=state.order_margin,
        bids=_notional(resting, Side.BUY, instrument),
        asks=_notional(resting, Side.SELL, instrument),
    )


def _worth_of_others(state: AccountState) -> Decimal:
    """What assets beside the quote asset stand behind its positions."""
    if not state.assets.multi_assets:
        return Decimal(0)

    return sum((other.wallet * other.value for other in state.others), Decimal(0))


def _notional(orders: Iterable[SimulatedOrder], side: Side, instrument: Instrument) -> Decimal:
    units = sum(order.remaining_lots * (order.ticks or 0) for order in orders if order.side is side)

    return units * instrument.tick * instrument.lot


def income_of(income: Income, instrument: Instrument) -> IncomeRecord:
    """Return a change of the wallet."""
    return IncomeRecord(
        kind=income.kind,
        word=income.kind.value,
        income_id=str(income.income_id),
        asset=income.asset,
        amount=income.amount,
        venue_ms=income.now_ms,
        symbol="" if income.kind is IncomeKind.TRANSFER else instrument.symbol,
        trade_id="" if income.trade_id is None else str(income.trade_id),
    )


def settings_of(state: AccountState) -> VenueSettings:
    """Return what the account is set to."""
    return VenueSettings(leverage=state.leverage, position_mode=state.position_mode, margin_mode=state.margin_mode)


def stop_behind(exchange: Exchange, order: SimulatedOrder) -> ConditionalOrder | None:
    """Return the stop that an order came from. None where it came from none."""
    if order.conditional_id is None:
        return None

    return exchange.conditional(order.account, conditional_id=order.conditional_id)
