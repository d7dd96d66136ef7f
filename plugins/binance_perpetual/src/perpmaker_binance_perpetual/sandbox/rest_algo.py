"""Conditional orders: a service and a namespace of their own, unseen by everything that is about regular orders."""

from __future__ import annotations

from typing import Final

from perpmaker.simulation.rejection import RejectionError
from perpmaker_binance_perpetual.sandbox.algo_request import PARAMETERS, read_conditional
from perpmaker_binance_perpetual.sandbox.denial import Asked, translate_denial
from perpmaker_binance_perpetual.sandbox.endpoint import Endpoint, command, query
from perpmaker_binance_perpetual.sandbox.order_wording import algo_answer
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.rest_batch import ALL_CANCELLED
from perpmaker_binance_perpetual.sandbox.rest_order import ONE
from perpmaker_binance_perpetual.sandbox.venue import Venue


def place(venue: Venue, parameters: Parameters) -> object:
    """Take a conditional order; margin and reduce-only are looked at when it triggers."""
    request = read_conditional(venue, parameters)
    wanted = (request.kind, request.side, request.position_side)

    if request.amount is None and any(
        order.close_position and (order.kind, order.side, order.position_side) == wanted
        for order in venue.exchange.conditional_orders(venue.account)
    ):
        raise refusal(-4130)

    try:
        order = venue.exchange.place_conditional(venue.account, request, venue.now_ms())
    except RejectionError as error:
        raise translate_denial(error, Asked.PLACE, venue.instrument) from None

    return algo_answer(order, venue)


def cancel(venue: Venue, parameters: Parameters) -> object:
    """Cancel a waiting conditional order; -2011 when it does not wait."""
    conditional_id, client_id = _ids(parameters)

    try:
        order = venue.exchange.cancel_conditional(
            venue.account, conditional_id=conditional_id, client_id=client_id, now_ms=venue.now_ms()
        )
    except RejectionError as error:
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


def _ids(parameters: Parameters) -> tuple[int | None, str | None]:
    conditional_id = parameters.optional_integer("algoId")

    if conditional_id is not None:
        return conditional_id, None

    if "clientAlgoId" not in parameters:
        raise refusal(-1102, name="algoId")

    return None, parameters.text("clientAlgoId")


_OPEN: Final = ("symbol", "algoType", "algoId")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    command("POST", "/fapi/v1/algoOrder", place, *PARAMETERS, weight=0, cost=ONE),
    command("DELETE", "/fapi/v1/algoOrder", cancel, "symbol", "algoId", "clientAlgoId"),
    query("/fapi/v1/algoOrder", ask, "symbol", "algoId", "clientAlgoId"),
    query("/fapi/v1/openAlgoOrders", waiting, *_OPEN, weight=lambda p: 1 if "symbol" in p else 40),
    command("DELETE", "/fapi/v1/algoOpenOrders", cancel_all, "symbol"),
)
