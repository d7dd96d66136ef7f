"""Conditional orders: a service and a namespace of their own, unseen by everything that is about regular orders."""

from __future__ import annotations

from typing import Final

from perpmaker.venue.sandbox import ConditionalRequest, RequestParameters
from perpmaker_binance_perpetual.sandbox.counts import ONE_ORDER
from perpmaker_binance_perpetual.sandbox.order_parameters import ALGO_PARAMETERS, read_conditional
from perpmaker_binance_perpetual.sandbox.order_words import algo_answer
from perpmaker_binance_perpetual.sandbox.orders import ALL_CANCELLED, read_ids
from perpmaker_binance_perpetual.sandbox.refusals import refusal
from perpmaker_binance_perpetual.sandbox.venue import SUCCESS, Venue, VenueEndpoint, by_symbol, command, query

_IDS: Final = ("algoId", "clientAlgoId")


def place(venue: Venue, parameters: RequestParameters) -> object:
    """Accept a conditional order; margin and reduce-only are looked at when it triggers."""
    request = read_conditional(venue, parameters)
    wanted = (request.kind, request.side, request.position_side)

    if request.amount is None and any(
        order.close_position and (order.kind, order.side, order.position_side) == wanted
        for order in venue.exchange.conditional_orders(venue.account)
    ):
        raise refusal(-4130)

    if venue.options.refuses_stop_beside_target and request.amount is None and _has_target(venue, request):
        raise refusal(-2022)

    return algo_answer(venue.exchange.place_conditional(venue.account, request, venue.now_ms()), venue)


def _has_target(venue: Venue, request: ConditionalRequest) -> bool:
    """Whether reduce-only orders of the whole position rest on the side of a stop."""
    room = venue.exchange.reduce_only_room(venue.account, request.side, request.position_side)
    positions = venue.exchange.account(venue.account).positions

    return not room and any(one.amount for one in positions if one.side is request.position_side)


def cancel(venue: Venue, parameters: RequestParameters) -> object:
    """Cancel a waiting conditional order; -2011 when it does not wait."""
    conditional_id, client_id = read_ids(parameters, *_IDS)
    order = venue.exchange.cancel_conditional(
        venue.account, conditional_id=conditional_id, client_id=client_id, now_ms=venue.now_ms()
    )

    return {"algoId": order.conditional_id, "clientAlgoId": order.client_id, **SUCCESS, "code": "200"}


def ask(venue: Venue, parameters: RequestParameters) -> object:
    """A conditional order, waiting or not; -2013 when there is none."""
    conditional_id, client_id = read_ids(parameters, *_IDS)
    order = venue.reading.conditional(conditional_id=conditional_id, client_id=client_id)

    if order is None:
        raise refusal(-2013)

    return algo_answer(order, venue)


def waiting(venue: Venue, parameters: RequestParameters) -> object:
    """All waiting conditional orders."""
    venue.has_symbol(parameters)

    return [algo_answer(order, venue) for order in venue.reading.waiting_conditionals()]


def cancel_all(venue: Venue, parameters: RequestParameters) -> object:
    """Cancel all waiting conditional orders."""
    venue.require_symbol(parameters)
    venue.exchange.cancel_all_conditional(venue.account, venue.now_ms())

    return ALL_CANCELLED


_OPEN: Final = ("symbol", "algoType", "algoId")

ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    command("POST", "/fapi/v1/algoOrder", place, *ALGO_PARAMETERS, weight=0, orders=ONE_ORDER),
    command("DELETE", "/fapi/v1/algoOrder", cancel, "symbol", *_IDS),
    query("/fapi/v1/algoOrder", ask, "symbol", *_IDS),
    query("/fapi/v1/openAlgoOrders", waiting, *_OPEN, weight=by_symbol(1, 40)),
    command("DELETE", "/fapi/v1/algoOpenOrders", cancel_all, "symbol"),
)
