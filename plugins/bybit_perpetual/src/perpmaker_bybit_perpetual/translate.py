"""Payload to model and back, pure: every quirk of Bybit stands here and nowhere else.

What is not finite, not positive where it must be, or not a multiple of the market's steps is a PayloadError; but the
price of an order may lie between two ticks, and is then not known. A status this version does not know is kept as it
came (`OrderReport.status` None) and never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from perpmaker import Instrument, OrderReport, OrderType, PositionSide, Side
from perpmaker import venue as kit
from perpmaker_bybit_perpetual.messages import PublicTrade, Ticker
from perpmaker_bybit_perpetual.user_messages import Execution, Order

SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
POSITION_INDEXES = {PositionSide.NET: 0, PositionSide.LONG: 1, PositionSide.SHORT: 2}
POSITION_SIDES = {str(index): side for side, index in POSITION_INDEXES.items()}
MARGIN_MODES = {"REGULAR_MARGIN": kit.MarginMode.CROSS, "ISOLATED_MARGIN": kit.MarginMode.ISOLATED}
TIMES_IN_FORCE = {OrderType.POST_ONLY: "PostOnly", OrderType.LIMIT: "GTC", OrderType.IOC: "IOC"}
_TYPES_BY_TIME_IN_FORCE = {"PostOnly": OrderType.POST_ONLY, "IOC": OrderType.IOC, "FOK": OrderType.IOC}
TRIGGERS = {"MarkPrice": kit.StopTrigger.MARK, "LastPrice": kit.StopTrigger.LAST}

STATUSES = {
    **dict.fromkeys(("New", "PartiallyFilled", "Untriggered", "Triggered"), kit.OrderStatus.OPEN),
    **dict.fromkeys(("Cancelled", "PartiallyFilledCanceled", "Deactivated"), kit.OrderStatus.CANCELLED),
    "Filled": kit.OrderStatus.FILLED,
    "Rejected": kit.OrderStatus.REFUSED,
}
"""Triggered is a step: the stop becomes a market order, whose end follows."""

_REFUSALS: Final = {
    "EC_PostOnlyWillTakeLiquidity": kit.RefusalReason.POST_ONLY_WOULD_TAKE,
    "EC_ReachRiskPriceLimit": kit.RefusalReason.PRICE_BAND,
    "EC_InvalidPriceScale": kit.RefusalReason.FILTER,
    "EC_TooLateToCancel": kit.RefusalReason.NOT_FOUND,
}
_NO_REFUSAL = frozenset({"", "EC_NoError", "EC_PerCancelRequest", "EC_OrigClOrdIDDoesNotExist"})
_UNFILLED = frozenset({"EC_NoImmediateQtyToFill", "EC_CancelForNoFullFill"})
"""Why an order ended that had to execute at once."""

_RULES: Final[Mapping[str, str]] = {
    "CancelByReduceOnly": "knocked out by a reduce-only rule",
    "CancelBySmp": "self-match prevention",
    "CancelByDCP": "disconnect protection",
    "CancelBySettle": "settlement",
    "CancelByAdmin": "administration",
}
_LIQUIDATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("CancelByPrepareLiq", "CancelAllBeforeLiq"), "liquidation"),
    **dict.fromkeys(("CancelByPrepareAdl", "CancelAllBeforeAdl"), "auto-deleveraging"),
}
_FORCED_ORDERS = {
    "CreateByLiq": "liquidation",
    "CreateByTakeOver": "liquidation",
    "CreateByAdl": "auto-deleveraging",
    "CreateBySettle": "settlement",
    "CreateByDelivery": "delivery",
}
"""What the venue placed an order for, by the beginning of `createType`."""

_FORCED_EXECUTIONS = {
    "BustTrade": "liquidation",
    "AdlTrade": "auto-deleveraging",
    "Settle": "settlement",
    "Delivery": "delivery",
}
FUNDING: Final = "Funding"
_TRADES = frozenset({"Trade", "BlockTrade", "MovePosition", "FutureSpread", *_FORCED_EXECUTIONS})
_ZERO = Decimal(0)


def optional(value: kit.Number | None, path: str = "$") -> Decimal | None:
    """A number that may be missing, which the venue writes as an empty text."""
    return None if value is None or value == "" else kit.parse_decimal(value, path=path)


def is_position_stop(client_id: str, stop_type: str | None) -> bool:
    """Whether an order or a fill is of the stop that a position itself has: it bears no id of ours."""
    return not client_id and stop_type == "StopLoss"


def translate_order(order: Order, instrument: Instrument) -> OrderReport:
    """An order as listing, asking and streaming show it."""
    sizes = kit.order_sizes(instrument, order.qty, order.cumExecQty, "$.qty")
    filled = optional(order.cumExecQty) or _ZERO
    is_stop = bool(order.stopOrderType) and order.stopOrderType != "UNKNOWN"
    of_position = is_position_stop(order.orderLinkId, order.stopOrderType)
    status = STATUSES.get(order.orderStatus)

    if status is kit.OrderStatus.REFUSED and filled:  # the part that was filled counts; only the rest was refused
        status = kit.OrderStatus.CANCELLED

    cause, detail = cancel_cause(order)
    created = order.createType or ""

    return OrderReport(
        client_id=order.orderLinkId or order.orderId,
        venue_id=order.orderId,
        side=kit.lookup(SIDES, order.side, "$.side"),
        position_side=kit.lookup(POSITION_SIDES, str(order.positionIdx), "$.positionIdx"),
        status=status,
        raw_status=order.orderStatus,
        ticks=kit.order_ticks(instrument, (order.triggerPrice if is_stop else order.price) or "0", "$.price"),
        **sizes,
        reduce_only=order.reduceOnly,
        type=OrderType.VENUE_STOP if is_stop else _order_type(order),
        venue_ms=order.updatedTime,
        triggered=is_stop and order.orderStatus not in {"Untriggered", "Deactivated", "Cancelled"},
        ended_by_venue=status is kit.OrderStatus.CANCELLED and cause is kit.CancelCause.VENUE,
        ended_by_rule=detail if cause in {kit.CancelCause.RULE, kit.CancelCause.LIQUIDATION} else "",
        whole=of_position or order.closeOnTrigger,
        trigger=TRIGGERS.get(order.triggerBy or "") if is_stop else None,
        forced=next((what for word, what in _FORCED_ORDERS.items() if created.startswith(word)), ""),
        refusal=_refusal(order, status, filled),
        of_position=of_position,
    )


def _order_type(order: Order) -> OrderType:
    if order.orderType != "Limit":
        return OrderType.MARKET

    return _TYPES_BY_TIME_IN_FORCE.get(order.timeInForce, OrderType.LIMIT)


def _refusal(order: Order, status: kit.OrderStatus | None, filled: Decimal) -> kit.Refusal | None:
    """Why what was asked of the order was refused after all; an end by command or time in force is none."""
    word = order.rejectReason or ""

    if status is kit.OrderStatus.REFUSED:
        return kit.Refusal(
            reason=_REFUSALS.get(word, kit.RefusalReason.OTHER), code=word, text=word or order.orderStatus
        )

    if word in _NO_REFUSAL or word in _UNFILLED or status is kit.OrderStatus.FILLED or filled:
        return None

    if status is kit.OrderStatus.CANCELLED and word not in _REFUSALS:
        return None

    return kit.Refusal(reason=_REFUSALS.get(word, kit.RefusalReason.OTHER), code=word, text=word)


def cancel_cause(order: Order) -> tuple[kit.CancelCause, str]:
    """Who ended an order, and why, in words; by command nobody can tell whose."""
    word, reason = order.cancelType or "", order.rejectReason or ""

    if word in _LIQUIDATIONS:
        return kit.CancelCause.LIQUIDATION, _LIQUIDATIONS[word]

    if word in _RULES:
        return kit.CancelCause.RULE, _RULES[word]

    if reason == "EC_BySelfMatch":
        return kit.CancelCause.RULE, _RULES["CancelBySmp"]

    if reason in _NO_REFUSAL:
        return kit.CancelCause.UNEXPLAINED, ""

    return kit.CancelCause.VENUE, reason


def translate_order_row(order: Order, instrument: Instrument) -> kit.AccountEvent:
    """What the topic `order` says: an order as it is now, or its end and who made it."""
    report = translate_order(order, instrument)
    is_end = report.status is kit.OrderStatus.CANCELLED and report.refusal is None

    if not is_end or report.type is OrderType.VENUE_STOP:
        return kit.OrderReported(report=report, by_stream=True)

    cause, detail = cancel_cause(order)

    ended = {"filled_lots": report.filled_lots, "venue_ms": report.venue_ms}

    return kit.OrderCancelled(client_id=report.client_id, cause=cause, detail=detail, **ended)


def translate_execution(row: Execution, instrument: Instrument, mode: kit.PositionMode) -> kit.Fill:
    """A fill; UnknownMessageError for one of an unknown kind that is of no order of ours."""
    if row.execType not in _TRADES and not kit.is_own_id(row.orderLinkId):
        raise kit.UnknownMessageError(f"execution {row.execType}")

    of_position = is_position_stop(row.orderLinkId, row.stopOrderType)

    return kit.Fill(
        client_id=row.orderLinkId or row.orderId,
        venue_id=row.orderId,
        trade_id=row.execId,
        side=kit.lookup(SIDES, row.side, "$.side"),
        position_side=_position_side(row, mode),
        price=kit.parse_price(row.execPrice, path="$.execPrice"),
        amount=kit.parse_price(row.execQty, path="$.execQty"),
        fee=optional(row.execFee, "$.execFee") or _ZERO,
        fee_asset=row.feeCurrency or instrument.quote,
        maker=row.isMaker,
        realized_pnl=optional(row.execPnl, "$.execPnl"),
        venue_ms=row.execTime,
        forced=_FORCED_EXECUTIONS.get(row.execType, ""),
        of_position=of_position,
    )


def _position_side(row: Execution, mode: kit.PositionMode) -> PositionSide:
    """The position that an execution changed, which no field names: in Hedge a sale closes a long or opens a short."""
    if mode is kit.PositionMode.ONE_WAY:
        return PositionSide.NET

    is_closing = (optional(row.closedSize, "$.closedSize") or _ZERO) > 0
    is_long = (kit.lookup(SIDES, row.side, "$.side") is Side.BUY) is not is_closing

    return PositionSide.LONG if is_long else PositionSide.SHORT


def translate_ticker(ticker: Ticker, venue_ms: int) -> kit.MarkChanged:
    """Mark and index price; a market without funding has an empty rate and no next time."""
    next_ms = optional(ticker.nextFundingTime, "$.nextFundingTime")

    return kit.MarkChanged(
        mark=kit.parse_price(ticker.markPrice or "", path="$.markPrice"),
        index=optional(ticker.indexPrice, "$.indexPrice"),
        funding_rate=optional(ticker.fundingRate, "$.fundingRate"),
        next_funding_ms=int(next_ms) if next_ms else None,
        venue_ms=venue_ms,
    )


def translate_trade(trade: PublicTrade, instrument: Instrument) -> kit.Traded:
    """Somebody's trade; `S` is the side that took."""
    return kit.Traded(
        ticks=kit.exact_ticks(instrument, trade.p, "$.p"),
        lots=kit.shown_lots(instrument, trade.v, "$.v"),
        taker=kit.lookup(SIDES, trade.S, "$.S"),
        venue_ms=trade.T,
    )
