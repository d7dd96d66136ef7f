"""The simulated exchange's events as a connector would tell them: each on its channel, private ones marked."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs

from perpmaker.model.event import (
    BalanceReported,
    BookChanged,
    CancelCause,
    Channel,
    Event,
    FundingPaid,
    MarkChanged,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, OrderReport, OrderStatus, OrderType
from perpmaker.model.position import Balance, Position
from perpmaker.simulation.event import (
    AccountChanged,
    ConditionalChanged,
    FundingSettled,
    LevelsChanged,
    MarkUpdated,
    OrderChanged,
    SimulationEvent,
    TradePrinted,
)
from perpmaker.simulation.order import Cause, Execution, OrderState, SimulatedOrder, TimeInForce
from perpmaker.simulation.statement import AccountState, PositionState
from perpmaker.testing.scenario_stops import Stops

_STATUSES = {
    OrderState.OPEN: OrderStatus.OPEN,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELLED: OrderStatus.CANCELLED,
    OrderState.EXPIRED: OrderStatus.CANCELLED,
}
_TYPES = {TimeInForce.POST_ONLY: OrderType.POST_ONLY, TimeInForce.IOC: OrderType.IOC, TimeInForce.FOK: OrderType.IOC}

BY_HAND = "hand-"
"""How the client ids of orders begin that a person sent."""


@attrs.frozen(kw_only=True)
class Told:
    """An event and the channel that tells it."""

    channel: Channel
    event: Event

    @property
    def private(self) -> bool:
        """Whether only the account hears it."""
        return self.channel is Channel.ACCOUNT


def translate(
    event: SimulationEvent, instrument: Instrument, stops: Stops, *, by_venue: Collection[int], quiet: bool
) -> Iterator[Told]:
    """What the streams tell of an event. `by_venue` are orders that the venue itself ends; `quiet`: none by hand."""
    match event:
        case LevelsChanged():
            yield Told(channel=Channel.BOOK, event=BookChanged(event.bids, event.asks, event.now_ms))
        case TradePrinted():
            trade = Traded(ticks=event.ticks, lots=event.lots, taker=event.taker, venue_ms=event.now_ms)
            yield Told(channel=Channel.TRADES, event=trade)
        case MarkUpdated():
            yield Told(channel=Channel.MARK, event=_mark(event))
        case OrderChanged():
            if not (quiet and event.order.client_id.startswith(BY_HAND)):
                yield from map(_private, _order(event, instrument, stops.origin(event.order.order_id), by_venue))
        case ConditionalChanged():
            yield _private(OrderReported(report=stops.report(event.order), by_stream=True))
        case AccountChanged():
            yield from map(_private, _account(event))
        case FundingSettled():
            paid = FundingPaid(
                asset=instrument.quote,
                amount=event.amount,
                venue_ms=event.now_ms,
                funding_id=f"{event.side.value}-{event.now_ms}",
            )
            yield _private(paid)
        case _:
            return


def _private(event: Event) -> Told:
    return Told(channel=Channel.ACCOUNT, event=event)


def _mark(event: MarkUpdated) -> MarkChanged:
    return MarkChanged(
        mark=event.mark,
        index=event.index,
        funding_rate=event.funding_rate,
        next_funding_ms=event.next_funding_ms,
        venue_ms=event.now_ms,
    )


def _order(event: OrderChanged, instrument: Instrument, stop: str | None, by_venue: Collection[int]) -> Iterator[Event]:
    """The execution first where there was one, then the order as it is now; `stop`: it came from this one."""
    order = event.order

    if event.execution is not None:
        fill = translate_execution(event.execution, instrument, stop)
        yield OrderFilled(fill=attrs.evolve(fill, filled_lots=order.filled_lots))

    if stop is not None:  # what becomes of it is told as the stop's
        return

    if event.cause is Cause.REDUCED and order.ticks is not None:
        yield OrderAmended(client_id=order.client_id, ticks=order.ticks, lots=order.lots, venue_ms=event.now_ms)
    elif _STATUSES[order.state] is OrderStatus.CANCELLED:
        named = order.state is OrderState.EXPIRED or order.order_id in by_venue
        yield OrderCancelled(
            client_id=order.client_id,
            cause=CancelCause.VENUE if named else CancelCause.UNEXPLAINED,
            detail=event.cause.value,
            filled_lots=order.filled_lots,
            venue_ms=event.now_ms,
        )
    else:
        yield OrderReported(report=translate_order(order), by_stream=True)


def _account(event: AccountChanged) -> Iterator[Event]:
    yield BalanceReported(balance=translate_balance(event.state, event.now_ms))

    for state in event.state.positions:
        if state.side in event.sides:
            yield PositionReported(position=translate_position(state, event.now_ms))


def translate_order(order: SimulatedOrder) -> OrderReport:
    """An order as the venue shows it."""
    return OrderReport(
        client_id=order.client_id,
        venue_id=str(order.order_id),
        side=order.side,
        position_side=order.position_side,
        status=_STATUSES[order.state],
        raw_status=order.state.value,
        ticks=order.ticks,
        lots=order.lots,
        filled_lots=order.filled_lots,
        reduce_only=order.reduce_only,
        type=OrderType.MARKET if order.ticks is None else _TYPES.get(order.time_in_force, OrderType.LIMIT),
        venue_ms=order.updated_ms,
    )


def translate_execution(execution: Execution, instrument: Instrument, stop: str | None) -> Fill:
    """An execution as the venue tells it; of an order that came from a stop, as the stop's."""
    return Fill(
        client_id=stop or execution.client_id,
        venue_id=str(execution.order_id),
        trade_id=str(execution.trade_id),
        side=execution.side,
        position_side=execution.position_side,
        price=execution.price,
        amount=execution.amount,
        fee=execution.fee,
        fee_asset=instrument.quote,
        maker=execution.maker,
        realized_pnl=execution.realized,
        venue_ms=execution.now_ms,
    )


def translate_position(state: PositionState, venue_ms: int) -> Position:
    """A position as the venue tells it."""
    return Position(
        side=state.side,
        amount=state.amount,
        entry=state.entry,
        venue_ms=venue_ms,
        liquidation=state.liquidation,
        isolated_margin=state.isolated_margin,
    )


def translate_balance(state: AccountState, venue_ms: int) -> Balance:
    """The account's asset as the venue tells it."""
    return Balance(asset=state.asset, wallet=state.wallet, available=state.available, venue_ms=venue_ms)
