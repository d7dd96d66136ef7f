"""New orders as their parameters say them: checked in the venue's order, each fault with the venue's code."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from perpmaker import Instrument, PositionSide, Side
from perpmaker.venue import PositionMode
from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox import order_words
from perpmaker_binance_perpetual.sandbox.refusals import refusal, refuse_first
from perpmaker_binance_perpetual.sandbox.venue import Venue

CLIENT_ID: Final = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
HIGHEST_PRICE: Final = Decimal(10_000_000)
TRIGGER_PROTECT: Final = Decimal("0.05")
"""With priceProtect: the share of the mark by which last and mark price may differ when an order triggers."""

LEAST_CALLBACK, MOST_CALLBACK = Decimal("0.1"), Decimal(10)
LEAST_LIFE_MS: Final = 600_000
LATEST_MS: Final = 253_402_300_799_000
REGULAR_TYPES: Final = frozenset({"LIMIT", "MARKET"})
PRICED: Final = frozenset({"STOP", "TAKE_PROFIT"})
TRAILING: Final = "TRAILING_STOP_MARKET"
RESPONSES: Final[Mapping[str, bool]] = {"ACK": False, "RESULT": True}
"""Whether an answer shows the order as it is afterwards."""

STP_MODES: Final = frozenset({"EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"})
MATCHES: Final = {
    f"{side}{suffix}": (side, level)
    for side in ("OPPONENT", "QUEUE")
    for suffix, level in (("", 1), ("_5", 5), ("_10", 10), ("_20", 20))
}
"""Whose side of the book the price is on, and which level there; 1 is the best."""

TRAILING_ONLY: Final = ("callbackRate", "activatePrice")
CONDITIONAL_ONLY: Final = ("stopPrice", "activationPrice", *TRAILING_ONLY[::-1], "closePosition", "priceProtect")
_TERMS: Final = (
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "reduceOnly",
    "price",
    "priceMatch",
)
_MANNER: Final = ("newOrderRespType", "selfTradePreventionMode", "workingType", "goodTillDate")
ORDER_PARAMETERS: Final = (*_TERMS, *_MANNER, *CONDITIONAL_ONLY, "newClientOrderId")
_TRIGGER: Final = ("algoType", "triggerPrice", "closePosition", "priceProtect", "clientAlgoId")
ALGO_PARAMETERS: Final = (*_TERMS, *_MANNER, *TRAILING_ONLY, *_TRIGGER)


# --- orders ----------------------------------------------------------------------------------------------------------


def read_request(venue: Venue, parameters: kit.RequestParameters) -> kit.OrderRequest:
    """The order to hand to the exchange."""
    venue.require_symbol(parameters)
    side = parameters.choice("side", order_words.SIDES)
    is_market = _is_market(parameters)
    parameters.choice("newOrderRespType", RESPONSES, default="ACK")
    _check_self_trade(parameters)
    match = read_match(parameters, "MARKET" if is_market else "LIMIT")
    position_side, reduce_only = _position(venue, parameters)
    time_in_force, good_till_ms = (kit.TimeInForce.GTC, 0) if is_market else _time_in_force(venue, parameters)
    amount = _amount(venue, parameters, market=is_market)
    price = None

    if not is_market:
        price = read_price(venue, parameters, side, match)
        check_band(price, side, venue)

        if not _is_closing(side, position_side, reduce_only=reduce_only):
            check_notional(price, amount, venue.instrument)

    return kit.OrderRequest(
        side=side,
        amount=amount,
        price=price,
        time_in_force=time_in_force,
        position_side=position_side,
        reduce_only=reduce_only,
        client_id=_client_id(parameters, "newClientOrderId"),
        good_till_ms=good_till_ms,
        label=match,
    )


def read_match(parameters: kit.RequestParameters, order_type: str) -> str:
    """`priceMatch`, NONE when it was not sent: -5037 for no such, -5038 where the order has no price."""
    word = parameters.word("priceMatch", {order_words.NONE, *MATCHES}, default=order_words.NONE)

    if word != order_words.NONE:
        refuse_first((-5038, lambda: order_type not in {"LIMIT", *PRICED}))
        _refuse_sent(parameters, ("price",))

    return word


def read_price(venue: Venue, parameters: kit.RequestParameters, side: Side, match: str, name: str = "price") -> Decimal:
    """The price that was sent, or that the book has where it was to be matched (-5041 where it is not that deep)."""
    if match == order_words.NONE:
        price = parameters.decimal(name)
        _check_price(price, venue)

        return price

    whose, level = MATCHES[match]
    book = venue.exchange.depth(level)
    levels = book.bids if (side is Side.BUY) is (whose == "QUEUE") else book.asks
    refuse_first((-5041, lambda: len(levels) < level))

    return venue.instrument.price(levels[level - 1][0])


def _is_market(parameters: kit.RequestParameters) -> bool:
    word = parameters.word("type", order_words.ORDER_TYPES)
    refuse_first((-4120, lambda: word not in REGULAR_TYPES))
    is_market = word == "MARKET"
    _refuse_sent(parameters, CONDITIONAL_ONLY)
    _refuse_sent(parameters, ("price", "timeInForce", "goodTillDate") if is_market else ())

    return is_market


def _check_self_trade(parameters: kit.RequestParameters) -> None:
    """Refuse a self-trade prevention that the venue does not have; it has not taken NONE since December 2024: -5039."""
    parameters.word("selfTradePreventionMode", STP_MODES, default="EXPIRE_MAKER")


def _position(venue: Venue, parameters: kit.RequestParameters) -> tuple[PositionSide, bool]:
    """Position side and reduce-only, which must fit the position mode: -4061, -4062, -1106."""
    side = parameters.choice("positionSide", order_words.POSITION_SIDES, default="BOTH")
    is_hedge = venue.exchange.account(venue.account).position_mode is PositionMode.HEDGE
    word = (parameters.optional_text("reduceOnly") or "false").lower()
    refuse_first(
        (-4061, lambda: (side is PositionSide.NET) is is_hedge),
        (-4062, lambda: word not in {"true", "false"}),
        (-1106, lambda: word == "true" and is_hedge),
        name="reduceonly",
    )

    return side, word == "true"


def _time_in_force(venue: Venue, parameters: kit.RequestParameters) -> tuple[kit.TimeInForce, int]:
    """The time in force, and when a GTD order ends in the exchange's time, 0 for the others: -1106, -5040."""
    word = parameters.word("timeInForce", {*order_words.TIMES_IN_FORCE, order_words.GTD})

    if word != order_words.GTD:
        _refuse_sent(parameters, ("goodTillDate",))
        return order_words.TIMES_IN_FORCE[word], 0

    until_ms = parameters.integer("goodTillDate") // 1000 * 1000  # the venue keeps seconds
    refuse_first((-5040, lambda: not venue.server_ms() + LEAST_LIFE_MS < until_ms < LATEST_MS))

    return kit.TimeInForce.GTC, venue.parts.clock.exchange_ms(until_ms)


def _amount(venue: Venue, parameters: kit.RequestParameters, *, market: bool) -> Decimal:
    amount = parameters.decimal("quantity")
    check_amount(amount, venue, market=market)

    return amount


def _client_id(parameters: kit.RequestParameters, name: str) -> str:
    """The caller's id of the order, empty where the venue shall make one; -4015 when it is malformed."""
    text = parameters.optional_text(name) or ""
    refuse_first((-4015, lambda: bool(text) and not CLIENT_ID.match(text)))

    return text


def _is_closing(side: Side, position_side: PositionSide, *, reduce_only: bool) -> bool:
    if position_side is PositionSide.NET:
        return reduce_only

    return (side is Side.SELL) is (position_side is PositionSide.LONG)


def _refuse_sent(parameters: kit.RequestParameters, names: Collection[str]) -> None:
    """Refuse what such an order does not have: -1106."""
    for name in names:
        if name in parameters:
            raise refusal(-1106, name=name.lower())


# --- conditional orders ----------------------------------------------------------------------------------------------


def read_conditional(venue: Venue, parameters: kit.RequestParameters) -> kit.ConditionalRequest:
    """The conditional order to hand to the exchange."""
    venue.require_symbol(parameters)
    parameters.word("algoType", {"CONDITIONAL"})
    side = parameters.choice("side", order_words.SIDES)
    word = parameters.word("type", order_words.TRIGGER_KINDS)
    kind = order_words.TRIGGER_KINDS[word]
    _check_self_trade(parameters)
    _refuse_sent(parameters, ("goodTillDate", *(() if word in PRICED else ("price",))))  # GTD is no time in force here
    _refuse_sent(parameters, ("triggerPrice",) if word == TRAILING else TRAILING_ONLY)
    position_side, reduce_only = _position(venue, parameters)
    amount = _conditional_amount(venue, parameters, word)

    return kit.ConditionalRequest(
        side=side,
        trigger=_trigger(venue, parameters, word, side),
        kind=kind,
        watch=parameters.choice("workingType", order_words.TRIGGER_PRICES, default="CONTRACT_PRICE"),
        amount=amount,
        position_side=position_side,
        reduce_only=reduce_only,
        client_id=_client_id(parameters, "clientAlgoId"),
        price=_conditional_price(venue, parameters, word, side),
        # GTC where none was sent; GTE_GTC is a word that the venue shows and does not take.
        time_in_force=parameters.choice("timeInForce", order_words.TIMES_IN_FORCE, default="GTC"),
        callback=_callback(parameters) if kind is kit.TriggerKind.TRAILING else None,
        protect=TRIGGER_PROTECT if parameters.flag("priceProtect") else None,
        self_trade=kit.SelfTrade.TRADE if venue.options.stop_trades_with_own else kit.SelfTrade.CANCEL_MAKER,
    )


def _trigger(venue: Venue, parameters: kit.RequestParameters, word: str, side: Side) -> Decimal | None:
    name = "activatePrice" if word == TRAILING else "triggerPrice"

    if word == TRAILING and name not in parameters:
        return None

    return read_price(venue, parameters, side, order_words.NONE, name)


def _conditional_price(venue: Venue, parameters: kit.RequestParameters, word: str, side: Side) -> Decimal | None:
    """The price of the order that it becomes; None at market."""
    match = read_match(parameters, word)

    return read_price(venue, parameters, side, match) if word in PRICED else None


def _callback(parameters: kit.RequestParameters) -> Decimal:
    """The share of the best price; `callbackRate` is in percent, from 0.1 to 10: -2007."""
    rate = parameters.decimal("callbackRate")
    refuse_first((-2007, lambda: not LEAST_CALLBACK <= rate <= MOST_CALLBACK))

    return rate / 100


def _conditional_amount(venue: Venue, parameters: kit.RequestParameters, word: str) -> Decimal | None:
    if not parameters.flag("closePosition"):
        return _amount(venue, parameters, market=word not in PRICED)

    refuse_first((-4136, lambda: word in PRICED or word == TRAILING), type=word)
    _refuse_sent(parameters, ("quantity", "reduceOnly"))

    return None


# --- the market's rules ----------------------------------------------------------------------------------------------


def _check_price(price: Decimal, venue: Venue) -> None:
    """Refuse a price outside PRICE_FILTER."""
    market = venue.instrument
    refuse_first(
        (-4001, lambda: price <= 0),
        (-1111, lambda: kit.digits_of(price) > venue.notation.price_digits),
        (-4013, lambda: price < lowest_price(market)),
        (-4002, lambda: price > highest_price(market)),
        (-4014, lambda: bool(price % market.tick)),
    )


def check_amount(amount: Decimal, venue: Venue, *, market: bool) -> None:
    """Refuse an amount outside LOT_SIZE or MARKET_LOT_SIZE."""
    rules = venue.instrument
    refuse_first(
        (-4003, lambda: amount <= 0),
        (-1111, lambda: kit.digits_of(amount) > venue.notation.amount_digits),
        (-4004, lambda: amount < rules.min_amount),
        (-4005, lambda: amount > (rules.max_market_amount if market else rules.max_amount)),
        (-4023, lambda: bool(amount % rules.lot)),
    )


def check_notional(price: Decimal, amount: Decimal, instrument: Instrument, *, code: int = -4164) -> None:
    """Refuse an order below MIN_NOTIONAL; closing orders are not held to it."""
    refuse_first((code, lambda: price * amount < instrument.min_notional), limit=kit.plain(instrument.min_notional))


def check_band(price: Decimal, side: Side, venue: Venue) -> None:
    """Refuse a buy above, a sell below, the band around the mark (PERCENT_PRICE): -4016, -4024."""
    factor = venue.instrument.band_up if side is Side.BUY else venue.instrument.band_down

    if factor is not None:
        edge = venue.exchange.mark * factor
        code = -4016 if side is Side.BUY else -4024
        refuse_first((code, lambda: side.sign * (price - edge) > 0), limit=venue.notation.price_value(edge))


def lowest_price(instrument: Instrument) -> Decimal:
    """The lowest price there is: a tick, where the market has no other."""
    return max(instrument.min_price, instrument.tick)


def highest_price(instrument: Instrument) -> Decimal:
    """The highest price there is."""
    return HIGHEST_PRICE if instrument.max_price is None else instrument.max_price
