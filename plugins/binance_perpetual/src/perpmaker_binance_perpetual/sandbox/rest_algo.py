"""Conditional orders: a service and a namespace of their own, unseen by everything that is about regular orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker.simulation.denial import DeniedError
from perpmaker.simulation.order import ConditionalRequest
from perpmaker_binance_perpetual.sandbox.denial import Asked, translate_denial
from perpmaker_binance_perpetual.sandbox.endpoint import Endpoint, command, query
from perpmaker_binance_perpetual.sandbox.market_rule import check_amount, check_price
from perpmaker_binance_perpetual.sandbox.order_request import read_client_id, read_position
from perpmaker_binance_perpetual.sandbox.order_wording import SIDES, TRIGGER_KINDS, TRIGGER_PRICES, algo_answer
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.rest_batch import ALL_CANCELLED
from perpmaker_binance_perpetual.sandbox.rest_order import ONE
from perpmaker_binance_perpetual.sandbox.venue import Venue


def place(venue: Venue, parameters: Parameters) -> object:
    """Take a conditional market order; margin and reduce-only are looked at when it triggers."""
    venue.require_symbol(parameters)
    parameters.choice("algoType", {"CONDITIONAL"})
    side = SIDES[parameters.choice("side", SIDES, code=-1117)]
    kind = TRIGGER_KINDS[parameters.choice("type", TRIGGER_KINDS, code=-1116)]
    watch = TRIGGER_PRICES[parameters.choice("workingType", TRIGGER_PRICES, default="CONTRACT_PRICE")]
    position_side, reduce_only = read_position(venue, parameters)
    amount = _amount(venue, parameters)
    parameters.text("triggerPrice")
    trigger = parameters.optional_decimal("triggerPrice") or Decimal(0)
    check_price(trigger, venue.instrument, venue.notation)

    if amount is None and any(
        order.close_position and (order.kind, order.side, order.position_side) == (kind, side, position_side)
        for order in venue.exchange.conditional_orders(venue.account)
    ):
        raise refusal(-4130)

    request = ConditionalRequest(
        side=side,
        trigger=trigger,
        kind=kind,
        watch=watch,
        amount=amount,
        position_side=position_side,
        reduce_only=reduce_only,
        client_id=read_client_id(parameters, "clientAlgoId"),
    )

    try:
        order = venue.exchange.place_conditional(venue.account, request, venue.now_ms())
    except DeniedError as error:
        raise translate_denial(error, Asked.PLACE, venue.instrument) from None

    return algo_answer(order, venue)


def cancel(venue: Venue, parameters: Parameters) -> object:
    """Cancel a waiting conditional order; -2011 when it does not wait."""
    conditional_id, client_id = _ids(parameters)

    try:
        order = venue.exchange.cancel_conditional(
            venue.account, conditional_id=conditional_id, client_id=client_id, now_ms=venue.now_ms()
        )
    except DeniedError as error:
        raise translate_denial(error, Asked.CANCEL, venue.instrument) from None

    return {"algoId": order.conditional_id, "clientAlgoId": order.client_id, "code": "200", "msg": "success"}


def ask(venue: Venue, parameters: Parameters) -> object:
    """A conditional order, waiting or not; -2013 when there is none."""
    conditional_id, client_id = _ids(parameters)
    order = venue.reading.conditional(conditional_id=conditional_id, client_id=client_id)

    if order is None:
        raise refusal(-2013)

    return algo_answer(order, venue)


def waiting(venue: Venue, parameters: Parameters) -> object:
    """All waiting conditional orders."""
    venue.has_symbol(parameters)

    return [algo_answer(order, venue) for order in venue.reading.conditionals(waiting_only=True)]


def cancel_all(venue: Venue, parameters: Parameters) -> object:
    """Cancel all waiting conditional orders."""
    venue.require_symbol(parameters)
    venue.exchange.cancel_all_conditional(venue.account, venue.now_ms())

    return ALL_CANCELLED


def _amount(venue: Venue, parameters: Parameters) -> Decimal | None:
    if parameters.flag("closePosition"):
        for name in ("quantity", "reduceOnly"):
            if name in parameters:
                raise refusal(-1106, name=name.lower())

        return None

    parameters.text("quantity")
    amount = parameters.optional_decimal("quantity") or Decimal(0)
    check_amount(amount, venue.instrument, venue.notation, market=True)

    return amount


def _ids(parameters: Parameters) -> tuple[int | None, str | None]:
    conditional_id = parameters.optional_integer("algoId")

    if conditional_id is not None:
        return conditional_id, None

    if "clientAlgoId" not in parameters:
        raise refusal(-1102, name="algoId")

    return None, parameters.text("clientAlgoId")


_PARAMETERS: Final = (
    "algoType",
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "triggerPrice",
    "workingType",
    "closePosition",
    "reduceOnly",
    "clientAlgoId",
    "newOrderRespType",
)
_OPEN: Final = ("symbol", "algoType", "algoId")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    command("POST", "/fapi/v1/algoOrder", place, *_PARAMETERS, weight=0, cost=ONE),
    command("DELETE", "/fapi/v1/algoOrder", cancel, "symbol", "algoId", "clientAlgoId"),
    query("/fapi/v1/algoOrder", ask, "symbol", "algoId", "clientAlgoId"),
    query("/fapi/v1/openAlgoOrders", waiting, *_OPEN, weight=lambda p: 1 if "symbol" in p else 40),
    command("DELETE", "/fapi/v1/algoOpenOrders", cancel_all, "symbol"),
)
