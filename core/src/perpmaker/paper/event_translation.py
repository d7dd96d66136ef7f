"""What happens on the simulated exchange, as the core's events; pure."""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker.model.event import (
    AccountEvent,
    BalanceReported,
    BookChanged,
    Channel,
    FundingPaid,
    MarkChanged,
    MarketEvent,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
    SettingsReported,
    Traded,
)
from perpmaker.model.order import CancelCause, OrderStatus
from perpmaker.paper.translation import (
    STATUSES,
    balance_of,
    fill_of,
    position_of,
    report_of,
    settings_of,
    stop_behind,
    stop_report_of,
)
from perpmaker.simulation.event import (
    AccountChanged,
    ConditionalChanged,
    FundingSettled,
    LevelsChanged,
    MarkUpdated,
    OrderChanged,
    SettingsChanged,
    SimulationEvent,
    TradePrinted,
)
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import Cause, ConditionalOrder, OrderState, SimulatedOrder

CHANNELS = {BookChanged: Channel.BOOK, Traded: Channel.TRADES, MarkChanged: Channel.MARK}
"""The channel that tells an event of the market, by the event's class."""

_RULES = {
    Cause.SELF_TRADE: "self-match prevention",
    Cause.REDUCE_ONLY: "reduce-only",
    Cause.COUNTDOWN: "disconnect protection",
}
_CAUSES = {
    Cause.CANCELLED: CancelCause.REQUESTED,
    Cause.LIQUIDATION: CancelCause.LIQUIDATION,
    **dict.fromkeys(_RULES, CancelCause.RULE),
}


def market_event(event: SimulationEvent) -> MarketEvent | None:
    """Return a public event. None for what is none."""
    match event:
        case LevelsChanged():
            return BookChanged(event.bids, event.asks, event.now_ms)
        case TradePrinted():
            return Traded(ticks=event.ticks, lots=event.lots, taker=event.taker, venue_ms=event.now_ms)
        case MarkUpdated():
            return MarkChanged(
                mark=event.mark,
                index=event.index,
                funding_rate=event.funding_rate,
                next_funding_ms=event.next_funding_ms,
                venue_ms=event.now_ms,
            )

    return None


def account_events(exchange: Exchange, event: SimulationEvent) -> Iterator[AccountEvent]:
    """Yield what an event says of the account: an execution first, then the order as it is after it."""
    match event:
        case OrderChanged():
            yield from _order_events(exchange, event)
        case ConditionalChanged():
            yield OrderReported(report=stop_report_of(event.order, _order_of(exchange, event.order)), by_stream=True)
        case AccountChanged():
            yield BalanceReported(balance=balance_of(event.state, event.now_ms))
            changed = [position for position in event.state.positions if position.side in event.sides]
            yield from (PositionReported(position=position_of(position, event.now_ms)) for position in changed)
        case FundingSettled():
            yield FundingPaid(
                asset=exchange.instrument.quote,
                amount=event.amount,
                venue_ms=event.now_ms,
                funding_id=f"{event.now_ms}-{event.side.value}",
            )
        case SettingsChanged():
            yield SettingsReported(settings=settings_of(event.state))


def _order_events(exchange: Exchange, event: OrderChanged) -> Iterator[AccountEvent]:
    order = event.order
    stop = stop_behind(exchange, order)

    if event.execution is not None:
        yield OrderFilled(fill=fill_of(exchange, event.execution, order.filled_lots))

    if stop is not None:
        if order.state is not OrderState.OPEN:
            yield OrderReported(report=stop_report_of(stop, order), by_stream=True)
    elif event.cause is Cause.AMENDED and order.ticks is not None:
        yield OrderAmended(
            client_id=order.client_id,
            ticks=order.ticks,
            lots=order.lots,
            venue_ms=event.now_ms,
            number=order.amend_id,
        )
    elif STATUSES[order.state] is OrderStatus.CANCELLED:
        yield OrderCancelled(
            client_id=order.client_id,
            cause=_CAUSES.get(event.cause, CancelCause.VENUE),
            detail=_RULES.get(event.cause, event.cause.value),
            filled_lots=order.filled_lots,
            venue_ms=event.now_ms,
        )
    else:
        yield OrderReported(report=report_of(order), by_stream=True)


def _order_of(exchange: Exchange, stop: ConditionalOrder) -> SimulatedOrder | None:
    return None if stop.order_id is None else exchange.order(stop.account, order_id=stop.order_id)
