"""A new conditional order as its parameters say it, each fault with the venue's code."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker.model.order import Side
from perpmaker.simulation.order import ConditionalRequest, TimeInForce, TriggerKind
from perpmaker_binance_perpetual.sandbox.market_rule import TRIGGER_PROTECT, check_amount, check_price
from perpmaker_binance_perpetual.sandbox.order_request import read_client_id, read_position, read_self_trade
from perpmaker_binance_perpetual.sandbox.order_wording import SIDES, TIMES_IN_FORCE, TRIGGER_KINDS, TRIGGER_PRICES
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.price_match import NONE, matched_price, read_match
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue

PRICED: Final = frozenset({"STOP", "TAKE_PROFIT"})
TRAILING: Final = "TRAILING_STOP_MARKET"
TRAILING_ONLY: Final = ("callbackRate", "activatePrice")
LEAST_CALLBACK: Final = Decimal("0.1")
MOST_CALLBACK: Final = Decimal(10)
PARAMETERS: Final = (
    "algoType",
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "triggerPrice",
    "workingType",
    "priceMatch",
    "closePosition",
    "priceProtect",
    "reduceOnly",
    "activatePrice",
    "callbackRate",
    "clientAlgoId",
    "newOrderRespType",
    "selfTradePreventionMode",
    "goodTillDate",
)


def read_conditional(venue: Venue, parameters: Parameters) -> ConditionalRequest:
    """The conditional order to hand to the exchange."""
    venue.require_symbol(parameters)
    parameters.choice("algoType", {"CONDITIONAL"})
    side = SIDES[parameters.choice("side", SIDES, code=-1117)]
    word = parameters.choice("type", TRIGGER_KINDS, code=-1116)
    read_self_trade(parameters)
    _refuse_unwanted(parameters, word)
    position_side, reduce_only = read_position(venue, parameters)
    amount = _amount(venue, parameters, word)

    return ConditionalRequest(
        side=side,
        trigger=_trigger(venue, parameters, word),
        kind=TRIGGER_KINDS[word],
        watch=TRIGGER_PRICES[parameters.choice("workingType", TRIGGER_PRICES, default="CONTRACT_PRICE")],
        amount=amount,
        position_side=position_side,
        reduce_only=reduce_only,
        client_id=read_client_id(parameters, "clientAlgoId"),
        price=_price(venue, parameters, word, side),
        time_in_force=_time_in_force(parameters),
        callback=_callback(parameters) if TRIGGER_KINDS[word] is TriggerKind.TRAILING else None,
        protect=TRIGGER_PROTECT if parameters.flag("priceProtect") else None,
    )


def _refuse_unwanted(parameters: Parameters, word: str) -> None:
    """What orders of this type do not have: -1106."""
    unwanted = ["goodTillDate"]  # GTD is no time in force of these orders
    unwanted += [] if word in PRICED else ["price"]
    unwanted += ["triggerPrice"] if word == TRAILING else TRAILING_ONLY

    for name in unwanted:
        if name in parameters:
            raise refusal(-1106, name=name.lower())


def _time_in_force(parameters: Parameters) -> TimeInForce:
    """GTC where none was sent; GTE_GTC is a word that the venue shows and does not take."""
    return TIMES_IN_FORCE[parameters.choice("timeInForce", TIMES_IN_FORCE, default="GTC", code=-1115)]


def _trigger(venue: Venue, parameters: Parameters, word: str) -> Decimal | None:
    name = "activatePrice" if word == TRAILING else "triggerPrice"

    if word == TRAILING and name not in parameters:
        return None

    parameters.text(name)
    trigger = parameters.optional_decimal(name) or Decimal(0)
    check_price(trigger, venue.instrument, venue.notation)

    return trigger


def _price(venue: Venue, parameters: Parameters, word: str, side: Side) -> Decimal | None:
    """The price of the order that it becomes; None at market."""
    match = read_match(parameters, word)

    if word not in PRICED:
        return None

    if match != NONE:
        return matched_price(venue, match, side)

    parameters.text("price")
    price = parameters.optional_decimal("price") or Decimal(0)
    check_price(price, venue.instrument, venue.notation)

    return price


def _callback(parameters: Parameters) -> Decimal:
    """The share of the best price; `callbackRate` is in percent, from 0.1 to 10: -2007."""
    parameters.text("callbackRate")
    rate = parameters.optional_decimal("callbackRate") or Decimal(0)

    if not LEAST_CALLBACK <= rate <= MOST_CALLBACK:
        raise refusal(-2007)

    return rate / 100


def _amount(venue: Venue, parameters: Parameters, word: str) -> Decimal | None:
    if parameters.flag("closePosition"):
        if word in PRICED or word == TRAILING:
            raise refusal(-4136, type=word)

        for name in ("quantity", "reduceOnly"):
            if name in parameters:
                raise refusal(-1106, name=name.lower())

        return None

    parameters.text("quantity")
    amount = parameters.optional_decimal("quantity") or Decimal(0)
    check_amount(amount, venue.instrument, venue.notation, market=word not in PRICED)

    return amount
