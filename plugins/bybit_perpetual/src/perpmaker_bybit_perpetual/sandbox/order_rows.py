"""Orders and executions in the venue's words, the same for answers and events."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from perpmaker import PositionSide, Side
from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox.fills import PastFunding, sequence
from perpmaker_bybit_perpetual.sandbox.gateway_orders import GatewayOrder
from perpmaker_bybit_perpetual.sandbox.venue import CATEGORY, Row, Venue
from perpmaker_bybit_perpetual.sandbox.words import (
    ASKED,
    BY_CLEARING,
    BY_USER,
    ENDINGS,
    NO_ERROR,
    OTHERS,
    POSITION_INDEXES,
    SIDE_WORDS,
    TIME_IN_FORCE_WORDS,
    TRIGGER_PRICE_WORDS,
    UNKNOWN,
)

EMPTY: Final = (
    *("blockTradeId", "isLeverage", "smpOrderId", "lastPriceOnCreated", "marketUnit", "orderIv", "takeProfit"),
    *("tpTriggerBy", "tpLimitPrice", "slLimitPrice", "placeType", "ocoTriggerBy"),
)
"""What an order here never has."""

NO_ORDER: Final = dict.fromkeys(("execPnl", "closedSize", "leavesQty", "orderPrice", "orderQty"), "0")
"""What funding has of an order."""

OPEN: frozenset[str] = frozenset({"New", "PartiallyFilled", "Untriggered"})


@attrs.frozen(kw_only=True)
class Shown:
    """An order as it is shown: the exchange's own, a condition, or what the exchange did not take."""

    side: Side
    position_side: PositionSide
    ticks: int | None
    lots: int
    time_in_force: kit.TimeInForce
    status: str
    updated_ms: int
    filled_lots: int = 0
    filled_notional: Decimal = Decimal(0)
    cancel_type: str = UNKNOWN
    reason: str = NO_ERROR

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status in OPEN


def shown_now(known: GatewayOrder, venue: Venue) -> Shown | None:
    """The order as questions see it; None while it is hidden, or not yet known there."""
    shown = shown_at_all(known, venue, live=False)
    since_ms = venue.seen_ms - venue.options.ended_hides_ms

    return None if shown is not None and not shown.is_open and shown.updated_ms > since_ms else shown


def shown_at_all(known: GatewayOrder, venue: Venue, *, live: bool) -> Shown | None:
    """The order as it is, or as late as questions see it."""
    account, exchange = venue.account, venue.exchange

    if known.refused is not None:
        hidden_ms = 0 if live else max(venue.parts.options.read_lag_ms, venue.parts.options.hidden_for_ms)

        return shown_refused(known, venue) if known.refused.now_ms <= venue.now_ms() - hidden_ms else None

    if known.engine_id is not None:
        name = known.engine_id
        order = exchange.order(account, order_id=name) if live else venue.reading.order(order_id=name, client_id=None)

        if order is not None:
            return shown_order(order, venue.reading.ending(name), venue)

    for name in reversed(known.conditional_ids):
        read = venue.reading.conditional(conditional_id=name, client_id=None)
        conditional = exchange.conditional(account, conditional_id=name) if live else read

        if conditional is not None:
            return shown_conditional(conditional, known)

    return None


def shown_order(order: kit.SimulatedOrder, ending: kit.Cause | None, venue: Venue) -> Shown:
    """The exchange's order, with what ended it where it was not a fill."""
    status, (cancel_type, reason) = _status(order), (UNKNOWN, NO_ERROR)

    if status == "Cancelled" and ending is kit.Cause.REMAINDER:
        reason = "EC_CancelForNoFullFill" if order.filled_lots else "EC_NoImmediateQtyToFill"

        if order.filled_lots and venue.options.remainder_status == "Rejected":
            status, reason = "Rejected", "EC_ReachMaxTradeNum"
    elif status == "Cancelled" and ending is not None:
        cancel_type, reason = ENDINGS.get(ending, (UNKNOWN, ASKED))

    return Shown(
        side=order.side,
        position_side=order.position_side,
        ticks=order.ticks,
        lots=order.lots,
        time_in_force=order.time_in_force,
        status=status,
        updated_ms=order.updated_ms,
        filled_lots=order.filled_lots,
        filled_notional=order.filled_notional,
        cancel_type=cancel_type,
        reason=reason,
    )


def shown_conditional(order: kit.ConditionalOrder, known: GatewayOrder) -> Shown:
    """A condition that waits, has triggered, or has ended before."""
    status, cancel_type, reason = {
        kit.ConditionalState.WAITING: ("Untriggered", UNKNOWN, NO_ERROR),
        kit.ConditionalState.TRIGGERED: ("Triggered", UNKNOWN, NO_ERROR),
        kit.ConditionalState.REJECTED: ("Rejected", UNKNOWN, OTHERS),
        kit.ConditionalState.CANCELLED: ("Deactivated", BY_CLEARING if known.cleared else BY_USER, ASKED),
        kit.ConditionalState.EXPIRED: ("Deactivated", UNKNOWN, ASKED),
    }[order.state]

    return Shown(
        side=order.side,
        position_side=order.position_side,
        ticks=order.ticks,
        lots=known.lots if order.lots is None else order.lots,
        time_in_force=order.time_in_force if order.ticks is not None else kit.TimeInForce.IOC,
        status=status,
        updated_ms=order.updated_ms,
        cancel_type=cancel_type,
        reason=reason,
    )


def order_row(known: GatewayOrder, shown: Shown, venue: Venue) -> Row:
    """An order in the venue's words."""
    notation, left = venue.notation, shown.lots - shown.filled_lots if shown.is_open else 0
    instrument = venue.instrument
    value = instrument.price(shown.ticks or 0) * instrument.amount(left)

    return {
        **dict.fromkeys(EMPTY, ""),
        "category": CATEGORY,
        "symbol": instrument.symbol,
        "orderId": known.order_id,
        "orderLinkId": known.link_id,
        "side": SIDE_WORDS[shown.side],
        "positionIdx": POSITION_INDEXES[shown.position_side],
        "orderStatus": shown.status,
        "cancelType": shown.cancel_type,
        "rejectReason": shown.reason,
        "timeInForce": TIME_IN_FORCE_WORDS[shown.time_in_force],
        "orderType": "Market" if shown.ticks is None else "Limit",
        "price": notation.price(shown.ticks) if shown.ticks else "0",
        "qty": notation.amount(shown.lots),
        "avgPrice": notation.average(shown.filled_notional / _amount(shown, venue)) if shown.filled_lots else "",
        "leavesQty": notation.amount(left),
        "leavesValue": kit.plain(value),
        "cumExecQty": notation.amount(shown.filled_lots),
        "cumExecValue": kit.plain(shown.filled_notional),
        "cumExecFee": kit.plain(known.fees[instrument.quote]),
        "cumFeeDetail": {asset: kit.plain(fee) for asset, fee in known.fees.items()},
        "closedPnl": "0",
        "reduceOnly": known.reduce_only,
        "closeOnTrigger": known.close_on_trigger,
        "createType": known.create_type,
        "smpType": known.smp_type,
        "smpGroup": "0",
        "parentOrderLinkId": known.parent_link_id,
        "createdTime": str(venue.shown_ms(known.created_ms)),
        "updatedTime": str(venue.shown_ms(shown.updated_ms)),
        **_condition(known, venue),
        **_attached(known, venue),
    }


def execution_row(execution: kit.Execution, known: GatewayOrder, venue: Venue) -> Row:
    """An execution of an order."""
    notation, note = venue.notation, venue.fills.note(execution)
    instrument = venue.instrument
    request = known.request

    return {
        **_trade(venue, sequence(execution.trade_id)),
        "execId": f"{execution.trade_id:08d}-{execution.order_id}",
        "orderId": known.order_id,
        "orderLinkId": known.link_id,
        "side": SIDE_WORDS[execution.side],
        "execPrice": notation.price(execution.ticks),
        "execQty": notation.amount(execution.lots),
        "execValue": kit.plain(execution.price * execution.amount),
        "execFee": kit.plain(execution.fee),
        "feeRate": kit.plain(instrument.maker_fee if execution.maker else instrument.taker_fee),
        "feeCurrency": execution.fee_asset,
        "isMaker": execution.maker,
        "execType": "BustTrade" if execution.forced else "Trade",
        "execPnl": kit.plain(execution.realized),
        "closedSize": notation.amount(note.closed_lots),
        "leavesQty": notation.amount(note.leaves_lots),
        "orderPrice": "0" if request is None or request.price is None else notation.price_value(request.price),
        "orderQty": notation.amount(note.order_lots),
        "orderType": "Market" if request is None or request.price is None else "Limit",
        "stopOrderType": known.stop_order_type or UNKNOWN,
        "createType": known.create_type,
        "execTime": str(venue.shown_ms(execution.now_ms)),
    }


def funding_row(one: PastFunding, venue: Venue) -> Row:
    """Funding among the executions: its fee is what was paid, the opposite of what the ledger says."""
    settled = one.settled
    amount = venue.instrument.amount(abs(one.lots))

    return {
        **_trade(venue, 0),
        **NO_ORDER,
        "execId": f"funding-{one.number}",
        "orderId": f"{settled.now_ms // 1000}-{one.number}",
        "orderLinkId": "",
        "side": SIDE_WORDS[Side.BUY if one.lots > 0 else Side.SELL],
        "execPrice": kit.rounded(settled.mark),
        "execQty": venue.notation.amount_value(amount),
        "execValue": kit.rounded(settled.mark * amount),
        "execFee": kit.plain(-settled.amount),
        "feeRate": kit.plain(settled.rate),
        "feeCurrency": "",
        "isMaker": False,
        "execType": "Funding",
        "orderType": UNKNOWN,
        "stopOrderType": UNKNOWN,
        "createType": "",
        "execTime": str(venue.shown_ms(settled.now_ms)),
    }


def _trade(venue: Venue, number: int) -> Row:
    empty = (
        "blockTradeId",
        "isLeverage",
        "tradeIv",
        "markIv",
        "indexPrice",
        "underlyingPrice",
        "marketUnit",
        "extraFees",
    )

    return {
        **dict.fromkeys(empty, ""),
        "category": CATEGORY,
        "symbol": venue.instrument.symbol,
        "markPrice": kit.rounded(venue.exchange.mark, venue.notation.price_digits + 1),
        "seq": number,
    }


def _condition(known: GatewayOrder, venue: Venue) -> Row:
    waits = known.conditional

    if waits is None or waits.trigger is None:
        return {"stopOrderType": "", "triggerPrice": "", "triggerDirection": 0, "triggerBy": ""}

    rises = (waits.side is Side.BUY) is (waits.kind is kit.TriggerKind.STOP)

    return {
        "stopOrderType": known.stop_order_type,
        "triggerPrice": venue.notation.price_value(waits.trigger),
        "triggerDirection": 1 if rises else 2,
        "triggerBy": TRIGGER_PRICE_WORDS[waits.watch],
    }


def _attached(known: GatewayOrder, venue: Venue) -> Row:
    stop = known.stop
    is_full = stop is not None or known.is_of_position

    return {
        "stopLoss": "" if stop is None else venue.notation.price_value(stop.price),
        "slTriggerBy": "" if stop is None else TRIGGER_PRICE_WORDS[stop.watch],
        "tpslMode": "Full" if is_full else "",
    }


def _amount(shown: Shown, venue: Venue) -> Decimal:
    return venue.instrument.amount(shown.filled_lots)


def _status(order: kit.SimulatedOrder) -> str:
    if order.state is kit.OrderState.OPEN:
        return "PartiallyFilled" if order.filled_lots else "New"

    return "Filled" if order.state is kit.OrderState.FILLED else "Cancelled"


def shown_refused(known: GatewayOrder, venue: Venue) -> Shown:
    """What the exchange did not take."""
    asked, ended = known.request or known.conditional, known.refused
    assert asked is not None  # noqa: S101  # only what was asked is refused
    assert ended is not None  # noqa: S101
    instrument, market = venue.instrument, asked.price is None

    return Shown(
        side=asked.side,
        position_side=asked.position_side,
        ticks=None if asked.price is None else instrument.exact_ticks(asked.price),
        lots=0 if asked.amount is None else instrument.exact_lots(asked.amount),
        time_in_force=kit.TimeInForce.IOC if market else asked.time_in_force,
        status=ended.status,
        updated_ms=ended.now_ms,
        cancel_type=ended.cancel_type,
        reason=ended.reason,
    )
