"""A new order as its parameters say it: checked in the venue's order, each fault with the venue's code."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.simulation.order import OrderRequest, TimeInForce
from perpmaker_binance_perpetual.sandbox.market_rule import (
    ORDER_TYPES,
    check_amount,
    check_band,
    check_notional,
    check_price,
)
from perpmaker_binance_perpetual.sandbox.order_wording import POSITION_SIDES, SIDES, TIMES_IN_FORCE
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.price_match import GTD, NONE, matched_price, read_good_till, read_match
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue

CLIENT_ID: Final = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
REGULAR_TYPES: Final = frozenset({"LIMIT", "MARKET"})
CONDITIONAL_ONLY: Final = (
    "stopPrice",
    "activationPrice",
    "activatePrice",
    "callbackRate",
    "closePosition",
    "priceProtect",
)
LIMIT_ONLY: Final = ("price", "timeInForce")
PARAMETERS: Final = (
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "reduceOnly",
    "price",
    "newClientOrderId",
    "newOrderRespType",
    "priceMatch",
    "selfTradePreventionMode",
    "workingType",
    "goodTillDate",
    *CONDITIONAL_ONLY,
)
RESPONSE_TYPES: Final = frozenset({"ACK", "RESULT"})
STP_MODES: Final = frozenset({"EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"})


def read_request(venue: Venue, parameters: Parameters) -> OrderRequest:
    """The order to hand to the exchange."""
    venue.require_symbol(parameters)
    side = SIDES[parameters.choice("side", SIDES, code=-1117)]
    is_market = _type(parameters) == "MARKET"
    parameters.choice("newOrderRespType", RESPONSE_TYPES, default="ACK")
    read_self_trade(parameters)
    match = read_match(parameters, "MARKET" if is_market else "LIMIT")
    position_side, reduce_only = read_position(venue, parameters)
    time_in_force, good_till_ms = (TimeInForce.GTC, 0) if is_market else _time_in_force(venue, parameters)
    amount = _amount(venue, parameters, market=is_market)
    price = None if is_market else _price(venue, parameters, side, match)

    if price is not None and not _is_closing(side, position_side, reduce_only=reduce_only):
        check_notional(price, amount, venue.instrument)

    return OrderRequest(
        side=side,
        amount=amount,
        price=price,
        time_in_force=time_in_force,
        position_side=position_side,
        reduce_only=reduce_only,
        client_id=read_client_id(parameters, "newClientOrderId"),
        good_till_ms=good_till_ms,
        label=match,
    )


def read_self_trade(parameters: Parameters) -> None:
    """Refuse a self-trade prevention that the venue does not have; it has not taken NONE since December 2024: -5039."""
    parameters.choice("selfTradePreventionMode", STP_MODES, default="EXPIRE_MAKER", code=-5039)


def read_position(venue: Venue, parameters: Parameters) -> tuple[PositionSide, bool]:
    """Position side and reduce-only, which must fit the position mode: -4061, -4062, -1106."""
    word = parameters.choice("positionSide", POSITION_SIDES, default="BOTH")
    is_hedge = venue.exchange.account(venue.account).position_mode is PositionMode.HEDGE

    if (word == "BOTH") is is_hedge:
        raise refusal(-4061)

    if (parameters.optional_text("reduceOnly") or "false").lower() not in {"true", "false"}:
        raise refusal(-4062)

    reduce_only = parameters.flag("reduceOnly")

    if reduce_only and is_hedge:
        raise refusal(-1106, name="reduceonly")

    return POSITION_SIDES[word], reduce_only


def read_client_id(parameters: Parameters, name: str) -> str:
    """The caller's id of the order, empty where the venue shall make one; -4015 when it is malformed."""
    text = parameters.optional_text(name)

    if text is not None and not CLIENT_ID.match(text):
        raise refusal(-4015)

    return text or ""


def _type(parameters: Parameters) -> str:
    word = parameters.choice("type", ORDER_TYPES, code=-1116)

    if word not in REGULAR_TYPES:
        raise refusal(-4120)

    unwanted = (*CONDITIONAL_ONLY, *LIMIT_ONLY, "goodTillDate") if word == "MARKET" else CONDITIONAL_ONLY

    for name in unwanted:
        if name in parameters:
            raise refusal(-1106, name=name.lower())

    return word


def _time_in_force(venue: Venue, parameters: Parameters) -> tuple[TimeInForce, int]:
    """The time in force, and when a GTD order ends in the exchange's time, 0 for the others."""
    word = parameters.choice("timeInForce", {*TIMES_IN_FORCE, GTD}, code=-1115)
    until_ms = read_good_till(venue, parameters, word)

    return TIMES_IN_FORCE.get(word, TimeInForce.GTC), venue.exchange_ms(until_ms)


def _amount(venue: Venue, parameters: Parameters, *, market: bool) -> Decimal:
    parameters.text("quantity")
    amount = parameters.optional_decimal("quantity") or Decimal(0)
    check_amount(amount, venue.instrument, venue.notation, market=market)

    return amount


def _price(venue: Venue, parameters: Parameters, side: Side, match: str) -> Decimal:
    price = read_price(venue, parameters, side, match)
    check_band(price, side.sign, venue.exchange.mark, venue)

    return price


def read_price(venue: Venue, parameters: Parameters, side: Side, match: str) -> Decimal:
    """The price that was sent, or that the book has where it was to be matched; on the market's steps."""
    if match != NONE:
        return matched_price(venue, match, side)

    parameters.text("price")
    price = parameters.optional_decimal("price") or Decimal(0)
    check_price(price, venue.instrument, venue.notation)

    return price


def _is_closing(side: Side, position_side: PositionSide, *, reduce_only: bool) -> bool:
    if position_side is PositionSide.NET:
        return reduce_only

    return (side is Side.SELL) is (position_side is PositionSide.LONG)
