"""Orders in the venue's words, the same for answers and events: types, states, and the JSON of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

from perpmaker import PositionSide, Side
from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox.venue import Venue

NONE: Final = "NONE"
GTD: Final = "GTD"
SIDES: Final[Mapping[str, Side]] = {"BUY": Side.BUY, "SELL": Side.SELL}
POSITION_SIDES: Final[Mapping[str, PositionSide]] = {
    "BOTH": PositionSide.NET,
    "LONG": PositionSide.LONG,
    "SHORT": PositionSide.SHORT,
}
TIMES_IN_FORCE: Final[Mapping[str, kit.TimeInForce]] = {
    "GTC": kit.TimeInForce.GTC,
    "IOC": kit.TimeInForce.IOC,
    "FOK": kit.TimeInForce.FOK,
    "GTX": kit.TimeInForce.POST_ONLY,
}
TRIGGER_KINDS: Final[Mapping[str, kit.TriggerKind]] = {
    "STOP": kit.TriggerKind.STOP,
    "STOP_MARKET": kit.TriggerKind.STOP,
    "TAKE_PROFIT": kit.TriggerKind.TAKE_PROFIT,
    "TAKE_PROFIT_MARKET": kit.TriggerKind.TAKE_PROFIT,
    "TRAILING_STOP_MARKET": kit.TriggerKind.TRAILING,
}
ORDER_TYPES: Final = ("LIMIT", "MARKET", *TRIGGER_KINDS)
TRIGGER_WORDS: Final = {(kind, word.endswith("_MARKET")): word for word, kind in TRIGGER_KINDS.items()}
"""The types by kind, and by whether the order that it becomes has no price."""

TRIGGER_PRICES: Final[Mapping[str, kit.TriggerPrice]] = {
    "CONTRACT_PRICE": kit.TriggerPrice.LAST,
    "MARK_PRICE": kit.TriggerPrice.MARK,
}

SIDE_WORDS: Final = {side: word for word, side in SIDES.items()}
POSITION_SIDE_WORDS: Final = {side: word for word, side in POSITION_SIDES.items()}
TIME_IN_FORCE_WORDS: Final = {value: word for word, value in TIMES_IN_FORCE.items()}
TRIGGER_PRICE_WORDS: Final = {price: word for word, price in TRIGGER_PRICES.items()}

# What the venue itself calls cancelled, although nobody asked for it order by order.
CANCELLING_CAUSES: Final = frozenset({kit.Cause.CANCELLED, kit.Cause.COUNTDOWN, kit.Cause.AMEND})
FORCED_PREFIX: Final = "autoclose-"


def names(pairs: str) -> Mapping[str, str]:
    """Read pairs like `s=symbol p=price`: the short name, and the long one."""
    return dict(pair.split("=") for pair in pairs.split())


def named(values: Mapping[str, object], short_names: Mapping[str, str]) -> dict[str, object]:
    """Return the values of the long names under the short ones."""
    return {short: values[long] for short, long in short_names.items()}


def status_word(order: kit.SimulatedOrder, ending: kit.Cause | None) -> str:
    """The order's status; `ending` is what ended it, where it was not a fill."""
    if order.state is kit.OrderState.FILLED:
        return "FILLED"

    if order.state is kit.OrderState.OPEN:
        return "PARTIALLY_FILLED" if order.filled_lots else "NEW"

    if ending is kit.Cause.SELF_TRADE:
        return "EXPIRED_IN_MATCH"

    return "CANCELED" if order.state is kit.OrderState.CANCELLED or ending in CANCELLING_CAUSES else "EXPIRED"


def type_word(order: kit.SimulatedOrder) -> str:
    """LIMIT or MARKET."""
    return "MARKET" if order.ticks is None else "LIMIT"


def time_in_force_word(order: kit.SimulatedOrder) -> str:
    """The time in force; market orders are shown as GTC."""
    if order.good_till_ms:
        return GTD

    return "GTC" if order.ticks is None else TIME_IN_FORCE_WORDS[order.time_in_force]


def average_price(order: kit.SimulatedOrder, venue: Venue) -> Decimal:
    """The average price of what was executed, 0 before anything was."""
    if not order.filled_lots:
        return Decimal(0)

    return order.filled_notional / venue.instrument.amount(order.filled_lots)


def origin(order: kit.SimulatedOrder, venue: Venue) -> kit.ConditionalOrder | None:
    """The conditional order that it came from."""
    if order.conditional_id is None:
        return None

    return venue.exchange.conditional(order.account, conditional_id=order.conditional_id)


def accepted_only(order: kit.SimulatedOrder) -> kit.SimulatedOrder:
    """The order as it was when it was taken, before any execution: what an answer of type ACK shows."""
    return attrs.evolve(order, state=kit.OrderState.OPEN, filled_lots=0, filled_notional=Decimal(0))


def order_answer(order: kit.SimulatedOrder, venue: Venue) -> dict[str, object]:
    """The order as place, modify and cancel answer it: without average price and turnover."""
    notation = venue.notation
    source = origin(order, venue)

    return {
        "orderId": order.order_id,
        "symbol": venue.instrument.symbol,
        "status": status_word(order, venue.reading.ending(order.order_id)),
        "clientOrderId": f"{FORCED_PREFIX}{order.order_id}" if order.forced else order.client_id,
        "price": notation.price(order.ticks),
        "origQty": notation.amount(order.lots),
        "executedQty": notation.amount(order.filled_lots),
        "cumQty": notation.amount(order.filled_lots),
        "timeInForce": time_in_force_word(order),
        "type": type_word(order),
        "reduceOnly": order.reduce_only,
        "closePosition": source is not None and source.close_position,
        "side": SIDE_WORDS[order.side],
        "positionSide": POSITION_SIDE_WORDS[order.position_side],
        "stopPrice": "0" if source is None else notation.price(source.trigger_ticks),
        "workingType": "CONTRACT_PRICE" if source is None else TRIGGER_PRICE_WORDS[source.watch],
        "priceProtect": source is not None and source.protect is not None,
        "origType": type_word(order) if source is None else TRIGGER_WORDS[source.kind, source.ticks is None],
        "priceMatch": order.label or NONE,
        "selfTradePreventionMode": NONE if order.amends else "EXPIRE_MAKER",
        "goodTillDate": venue.shown_ms(order.good_till_ms),
        "updateTime": venue.shown_ms(order.updated_ms),
        **({"modifyId": order.amend_id} if order.amend_id else {}),
    }


def order_report(order: kit.SimulatedOrder, venue: Venue) -> dict[str, object]:
    """The order as queries show it: with average price, turnover and the time it was made."""
    answer = order_answer(order, venue)
    del answer["cumQty"]
    average = venue.notation.average(average_price(order, venue))
    turnover = kit.plain(order.filled_notional)

    return {**answer, "avgPrice": average, "cumQuote": turnover, "time": venue.shown_ms(order.created_ms)}


def order_of(order: kit.ConditionalOrder, venue: Venue) -> kit.SimulatedOrder | None:
    """The order that a conditional one became."""
    return None if order.order_id is None else venue.exchange.order(order.account, order_id=order.order_id)


def algo_status_word(order: kit.ConditionalOrder, venue: Venue) -> str:
    """The conditional order's status; FINISHED once the order that it became is final."""
    if order.state is not kit.ConditionalState.TRIGGERED:
        return _ALGO_STATUSES[order.state]

    became = venue.exchange.order(order.account, order_id=order.order_id)

    return "TRIGGERED" if became is None or became.state is kit.OrderState.OPEN else "FINISHED"


def algo_answer(order: kit.ConditionalOrder, venue: Venue) -> dict[str, object]:
    """The conditional order as the algo service answers it."""
    notation = venue.notation
    became = order_of(order, venue)

    return {
        "algoId": order.conditional_id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": TRIGGER_WORDS[order.kind, order.ticks is None],
        "symbol": venue.instrument.symbol,
        "side": SIDE_WORDS[order.side],
        "positionSide": POSITION_SIDE_WORDS[order.position_side],
        # One that closes the position lives as long as the position does.
        "timeInForce": "GTE_GTC" if order.close_position else TIME_IN_FORCE_WORDS[order.time_in_force],
        "quantity": notation.amount(order.lots or 0),
        "algoStatus": algo_status_word(order, venue),
        "actualOrderId": "" if became is None else str(became.order_id),
        "actualPrice": notation.average(Decimal(0) if became is None else average_price(became, venue)),
        "actualQty": notation.amount(0 if became is None else became.filled_lots),
        "triggerPrice": notation.price(order.trigger_ticks),
        "price": notation.price(order.ticks),
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": TRIGGER_PRICE_WORDS[order.watch],
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": order.protect is not None,
        "reduceOnly": order.reduce_only,
        "activatePrice": "" if order.callback is None else notation.price(order.trigger_ticks),
        "callbackRate": "" if order.callback is None else kit.plain(order.callback * 100),
        "createTime": venue.shown_ms(order.created_ms),
        "updateTime": venue.shown_ms(order.updated_ms),
        "triggerTime": 0 if order.order_id is None else venue.shown_ms(order.updated_ms),
        "goodTillDate": 0,
    }


_ALGO_STATUSES: Final = {
    kit.ConditionalState.WAITING: "NEW",
    kit.ConditionalState.REJECTED: "REJECTED",
    kit.ConditionalState.CANCELLED: "CANCELED",
    kit.ConditionalState.EXPIRED: "EXPIRED",
}
