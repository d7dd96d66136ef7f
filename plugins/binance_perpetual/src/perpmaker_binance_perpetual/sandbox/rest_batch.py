"""Many orders in one call: batches, which are not atomic, all open orders, and the dead-man switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from perpmaker_binance_perpetual.sandbox.endpoint import Endpoint, command
from perpmaker_binance_perpetual.sandbox.limit import OrderCost
from perpmaker_binance_perpetual.sandbox.order_request import PARAMETERS
from perpmaker_binance_perpetual.sandbox.parameter import Parameters, element_parameters
from perpmaker_binance_perpetual.sandbox.refusal import CodeError, refusal
from perpmaker_binance_perpetual.sandbox.rest_order import MODIFY_PARAMETERS, cancel_one, modify, place, read_ids
from perpmaker_binance_perpetual.sandbox.venue import Venue

_Value = TypeVar("_Value")

MOST_PLACED: Final = 5
MOST_CANCELLED: Final = 10
LISTS: Final = ("orderIdList", "origClientOrderIdList")
BATCH: Final = OrderCost(ten_seconds=5, minute=1)
ALL_CANCELLED: Final = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place_batch(venue: Venue, parameters: Parameters) -> object:
    """Up to five orders, each placed or refused by itself, in the order of the request."""
    return _each_element(venue, parameters, place, PARAMETERS)


def modify_batch(venue: Venue, parameters: Parameters) -> object:
    """Up to five changes, each made or refused by itself."""
    return _each_element(venue, parameters, modify, MODIFY_PARAMETERS)


def cancel_batch(venue: Venue, parameters: Parameters) -> object:
    """Up to ten cancels by one kind of id, each answered by itself."""
    venue.require_symbol(parameters)

    id_list, name_list = (_spelt(parameters, name) for name in LISTS)

    if id_list in parameters:
        ids = [_whole(value) for value in parameters.json_list(id_list, most=MOST_CANCELLED)]

        return _each(ids, lambda order_id: cancel_one(venue, order_id=order_id))

    if name_list not in parameters:
        raise refusal(-1102, name="orderIdList")

    names = [str(value) for value in parameters.json_list(name_list, most=MOST_CANCELLED)]

    return _each(names, lambda name: cancel_one(venue, client_id=name))


def cancel_all(venue: Venue, parameters: Parameters) -> object:
    """Cancel all open orders of the market; conditional ones stay."""
    venue.require_symbol(parameters)
    venue.exchange.cancel_all(venue.account, venue.now_ms())

    return ALL_CANCELLED


def countdown(venue: Venue, parameters: Parameters) -> object:
    """Wind the dead-man switch up; 0 stops it."""
    symbol = venue.require_symbol(parameters)
    countdown_ms = parameters.integer("countdownTime")
    venue.exchange.set_countdown(venue.account, countdown_ms, venue.now_ms())

    return {"symbol": symbol, "countdownTime": str(countdown_ms)}


def moved_orders(venue: Venue, endpoint: Endpoint, parameters: Parameters) -> Iterator[int]:
    """The orders that a request is to move, by the venue's ids, as far as they can be read from it."""
    if endpoint.method != "PUT":
        return

    try:
        batch = "batchOrders" in parameters
        elements = parameters.json_list("batchOrders", most=MOST_PLACED) if batch else []
        requests = [element_parameters(element) for element in elements] if batch else [parameters]

        for request in requests:
            order_id, client_id = read_ids(request)
            order = venue.exchange.order(venue.account, order_id=order_id, client_id=client_id)

            if order is not None:
                yield order.order_id
    except CodeError:  # it is refused for that when it is carried out
        return


def _each_element(
    venue: Venue,
    parameters: Parameters,
    handle: Callable[[Venue, Parameters], dict[str, object]],
    known: tuple[str, ...],
) -> list[dict[str, object]]:
    def one(element: object) -> dict[str, object]:
        read = element_parameters(element)
        read.refuse_unknown(known)

        return handle(venue, read)

    return _each(parameters.json_list("batchOrders", most=MOST_PLACED), one)


def _each(values: Sequence[_Value], call: Callable[[_Value], dict[str, object]]) -> list[dict[str, object]]:
    """What the call answers for each value, or its refusal: one that fails does not stop the others."""
    answers = []

    for value in values:
        try:
            answers.append(call(value))
        except CodeError as error:
            answers.append(error.body())

    return answers


def _spelt(parameters: Parameters, name: str) -> str:
    """The name of a list as it was sent; the venue takes it in lower case too, as some clients send it."""
    return name.lower() if name.lower() in parameters else name


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(-1130, name="orderIdList")

    return value


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    command("POST", "/fapi/v1/batchOrders", place_batch, "batchOrders", weight=5, cost=BATCH),
    command("PUT", "/fapi/v1/batchOrders", modify_batch, "batchOrders", weight=5, cost=BATCH),
    command("DELETE", "/fapi/v1/batchOrders", cancel_batch, "symbol", *LISTS, *map(str.lower, LISTS)),
    command("DELETE", "/fapi/v1/allOpenOrders", cancel_all, "symbol"),
    command("POST", "/fapi/v1/countdownCancelAll", countdown, "symbol", "countdownTime", weight=10),
)
