"""Payload to model and back, pure: every quirk of Binance stands here and nowhere else.

What is not finite, not positive where it must be, or not a multiple of the market's steps is a PayloadError; but the
price of an order may lie between two ticks, and is then not known. A status this version does not know is kept as it
came (`OrderReport.status` None) and never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar

from perpmaker import Instrument, OrderReport, OrderType, PositionSide, Side
from perpmaker import venue as kit
from perpmaker_binance_perpetual import messages
from perpmaker_binance_perpetual.user_messages import OrderUpdate

T = TypeVar("T")

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
POSITION_SIDES = {"BOTH": PositionSide.NET, "LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}
MARGIN_MODES = {"CROSSED": kit.MarginMode.CROSS, "ISOLATED": kit.MarginMode.ISOLATED}

SIDE_NAMES = {side: name for name, side in SIDES.items()}
POSITION_SIDE_NAMES = {side: name for name, side in POSITION_SIDES.items()}
MARGIN_MODE_NAMES = {mode: name for name, mode in MARGIN_MODES.items()}

STATUSES = {
    "NEW": kit.OrderStatus.OPEN,
    "PARTIALLY_FILLED": kit.OrderStatus.OPEN,
    "FILLED": kit.OrderStatus.FILLED,
    "CANCELED": kit.OrderStatus.CANCELLED,
    "EXPIRED": kit.OrderStatus.CANCELLED,
    "EXPIRED_IN_MATCH": kit.OrderStatus.CANCELLED,
    "REJECTED": kit.OrderStatus.REFUSED,
}

_ENDED_BY_VENUE = frozenset({"EXPIRED", "EXPIRED_IN_MATCH"})

_MOST_DIGITS = 18
TIMES_IN_FORCE = {OrderType.POST_ONLY: "GTX", OrderType.LIMIT: "GTC", OrderType.IOC: "IOC"}
_TYPES_BY_TIME_IN_FORCE = {"GTX": OrderType.POST_ONLY, "IOC": OrderType.IOC, "FOK": OrderType.IOC}


IN_MATCH = "EXPIRED_IN_MATCH"
"""The status of an order that self-match prevention has ended."""

SELF_MATCH = "self-match prevention"

# `er` of ORDER_TRADE_UPDATE, from older documentation: 1, 3, 4, 5 and 7 are acted upon, the rest is shown to people.
_EXPIRY = {
    "1": SELF_MATCH,
    "2": "the rest of an immediate-or-cancel order",
    "3": "self-match prevention of an immediate-or-cancel order",
    "4": "knocked out by a reduce-only rule",
    "5": "liquidation",
    "7": "delisted",
    "9": "the rest of a market order",
}
_RULES = frozenset({"1", "3", "4", "7"})
_LIQUIDATION = "5"

_FORCED = {
    "autoclose-": "liquidation",
    "adl_autoclose": "auto-deleveraging",
    "settlement_autoclose-": "settlement",
    "delivery_autoclose-": "delivery",
}
"""What the venue does on its own account, by the beginning of the client id that it gives such an order."""

_FORCED_KINDS = {"LIQUIDATION": "liquidation", "ADL": "auto-deleveraging"}
_FORCED_STATUSES = {"NEW_INSURANCE": "liquidation", "NEW_ADL": "auto-deleveraging"}


# --- orders -----------------------------------------------------------------------------------------------------------


def translate_order(order: messages.Order, instrument: Instrument) -> OrderReport:
    """An order as placing, cancelling, asking and listing show it."""
    forced = forced_by(order.clientOrderId, order.type, order.status)

    return OrderReport(
        client_id=order.clientOrderId,
        venue_id=str(order.orderId),
        side=kit.lookup(SIDES, order.side, "$.side"),
        position_side=kit.lookup(POSITION_SIDES, order.positionSide, "$.positionSide"),
        status=STATUSES.get(order.status),
        raw_status=order.status,
        ticks=kit.order_ticks(instrument, order.price, "$.price"),
        **kit.order_sizes(instrument, order.origQty, order.executedQty, "$.origQty"),
        reduce_only=order.reduceOnly,
        type=_order_type(order.type, order.timeInForce),
        venue_ms=order.updateTime,
        ended_by_venue=order.status in _ENDED_BY_VENUE,
        ended_by_rule=SELF_MATCH if order.status == IN_MATCH else "",
        forced=forced,
    )


def _order_type(kind: str, time_in_force: str) -> OrderType:
    """How an order executes. Conditional and forced kinds are never ours; they execute as market orders."""
    if kind != "LIMIT":
        return OrderType.MARKET

    return _TYPES_BY_TIME_IN_FORCE.get(time_in_force, OrderType.LIMIT)


def translate_user_trade(trade: messages.UserTrade, client_id: str) -> kit.Fill:
    """A fill as it is asked for; the venue leaves the client id out, so the caller brings it."""
    return kit.Fill(
        client_id=client_id,
        venue_id=str(trade.orderId),
        trade_id=str(trade.id),
        side=kit.lookup(SIDES, trade.side, "$.side"),
        position_side=kit.lookup(POSITION_SIDES, trade.positionSide, "$.positionSide"),
        price=kit.parse_price(trade.price, path="$.price"),
        amount=kit.parse_price(trade.qty, path="$.qty"),
        fee=kit.parse_decimal(trade.commission, path="$.commission"),
        fee_asset=trade.commissionAsset,
        maker=trade.maker,
        realized_pnl=kit.parse_decimal(trade.realizedPnl, path="$.realizedPnl"),
        venue_ms=trade.time,
        forced=forced_by(client_id),
    )


def translate_order_update(update: OrderUpdate, instrument: Instrument) -> Iterator[kit.AccountEvent]:
    """What ORDER_TRADE_UPDATE says: the execution first where there was one, then the order as it is now.

    The venue cannot tell why an order was cancelled by command: that is UNEXPLAINED here, and the core knows whether
    it had asked for it.
    """
    report = _streamed_report(update, instrument)

    if kit.parse_amount(update.l, path="$.o.l"):
        yield kit.OrderFilled(fill=_streamed_fill(update, instrument, report.filled_lots))

    if update.x == "AMENDMENT" and report.ticks is not None and report.lots is not None:
        yield kit.OrderAmended(
            client_id=update.c, ticks=report.ticks, lots=report.lots, venue_ms=update.T, number=_number(update.M)
        )
    elif report.status is kit.OrderStatus.CANCELLED:
        cause, detail = cancel_cause(update)
        yield kit.OrderCancelled(
            client_id=update.c, cause=cause, detail=detail, filled_lots=report.filled_lots, venue_ms=update.T
        )
    else:
        yield kit.OrderReported(report=report, by_stream=True)


def _number(modify_id: str | int | None) -> int:
    """The number of an amend; 0 where the venue tells none, or one that is no number."""
    text = str(modify_id)

    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def _streamed_report(update: OrderUpdate, instrument: Instrument) -> OrderReport:
    forced = forced_by(update.c, update.o, update.X)

    return OrderReport(
        client_id=update.c,
        venue_id=str(update.i),
        side=kit.lookup(SIDES, update.S, "$.o.S"),
        position_side=kit.lookup(POSITION_SIDES, update.ps, "$.o.ps"),
        status=STATUSES.get(update.X),
        raw_status=update.X,
        ticks=kit.order_ticks(instrument, update.p, "$.o.p"),
        **kit.order_sizes(instrument, update.q, update.z, "$.o.q"),
        reduce_only=bool(update.R),
        type=_order_type(update.o, update.f),
        venue_ms=update.T,
        forced=forced,
    )


def _streamed_fill(update: OrderUpdate, instrument: Instrument, filled_lots: int) -> kit.Fill:
    return kit.Fill(
        client_id=update.c,
        venue_id=str(update.i),
        # Liquidations and auto-deleveraging may come without a trade id; order and sum are unique as well.
        trade_id=str(update.t) if update.t else f"{update.i}-{_told(update.z, filled_lots, instrument)}",
        side=kit.lookup(SIDES, update.S, "$.o.S"),
        position_side=kit.lookup(POSITION_SIDES, update.ps, "$.o.ps"),
        price=kit.parse_price(update.L, path="$.o.L"),
        amount=kit.parse_price(update.l, path="$.o.l"),
        fee=Decimal(0) if update.n is None else kit.parse_decimal(update.n, path="$.o.n"),
        fee_asset=update.N or instrument.quote,
        maker=update.m,
        realized_pnl=None if update.rp is None else kit.parse_decimal(update.rp, path="$.o.rp"),
        venue_ms=update.T,
        filled_lots=filled_lots,
        forced=forced_by(update.c, update.o, update.X),
    )


def _told(value: kit.Number, lots: int, instrument: Instrument) -> kit.Number:
    """A sum of executions in lots, or as it came where it is no whole number of them."""
    return lots if instrument.amount(lots) == kit.parse_amount(value, path="$.o.z") else value


def forced_by(client_id: str, kind: str = "", status: str = "") -> str:
    """What an order of the venue's own is for; empty for everybody else's."""
    by_id = next((what for prefix, what in _FORCED.items() if client_id.startswith(prefix)), "")

    return by_id or _FORCED_KINDS.get(kind, "") or _FORCED_STATUSES.get(status, "")


def cancel_cause(update: OrderUpdate) -> tuple[kit.CancelCause, str]:
    """Who ended an order of the stream, and why, in words; by command nobody can tell whose."""
    if update.x == "CANCELED":
        return kit.CancelCause.UNEXPLAINED, ""

    reason = str(update.er or "0")

    if update.x == "CALCULATED" or reason == _LIQUIDATION:
        return kit.CancelCause.LIQUIDATION, forced_by(update.c, update.o) or _EXPIRY[_LIQUIDATION]

    if reason in _RULES or update.X == IN_MATCH:
        return kit.CancelCause.RULE, _EXPIRY[reason] if reason in _RULES else SELF_MATCH

    return kit.CancelCause.VENUE, _EXPIRY.get(reason, update.X.lower())


# --- market -----------------------------------------------------------------------------------------------------------


def translate_mark(update: messages.MarkPriceUpdate) -> kit.MarkChanged:
    """Mark and index price; a market without funding has an empty rate and no next time."""
    return kit.MarkChanged(
        mark=kit.parse_price(update.p, path="$.p"),
        index=None if update.i is None else kit.parse_price(update.i, path="$.i"),
        funding_rate=kit.parse_decimal(update.r, path="$.r") if update.r not in {None, ""} else None,
        next_funding_ms=update.T or None,
        venue_ms=update.E,
    )


def translate_premium(premium: messages.PremiumIndex) -> kit.MarkChanged:
    """The same, asked for."""
    return translate_mark(
        messages.MarkPriceUpdate(
            p=premium.markPrice,
            E=premium.time,
            s=premium.symbol,
            i=premium.indexPrice,
            r=premium.lastFundingRate,
            T=premium.nextFundingTime,
        )
    )


def translate_trade(trade: messages.AggregateTrade, instrument: Instrument) -> kit.Traded:
    """Somebody's trade; `m` says that the buyer was the maker, so the taker sold."""
    return kit.Traded(
        ticks=kit.exact_ticks(instrument, trade.p, "$.p"),
        lots=kit.shown_lots(instrument, trade.q, "$.q"),
        taker=Side.SELL if trade.m else Side.BUY,
        venue_ms=trade.T,
    )
