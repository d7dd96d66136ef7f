"""Orders: place, test, modify, cancel, ask; in batches, which are not atomic; and the dead-man switch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar

from perpmaker.venue.sandbox import OrderState, RefusalError, RejectionError, RequestParameters, SimulatedOrder
from perpmaker_binance_perpetual.sandbox import order_parameters
from perpmaker_binance_perpetual.sandbox.counts import BATCH, ONE_ORDER
from perpmaker_binance_perpetual.sandbox.order_words import SIDES, accepted_only, order_answer, order_report
from perpmaker_binance_perpetual.sandbox.refusals import (
    refusal,
    refusal_body,
    refuse_first,
    translate_rejection,
)
from perpmaker_binance_perpetual.sandbox.venue import Venue, VenueEndpoint, by_symbol, command, query

Answer: TypeAlias = dict[str, object]
_Value = TypeVar("_Value")

WEEK_MS: Final = 7 * 86_400_000
MOST_PLACED: Final = 5
MOST_CANCELLED: Final = 10
LISTS: Final = ("orderIdList", "origClientOrderIdList")
ALL_CANCELLED: Final = {"code": 200, "msg": "The operation of cancel all open order is done."}
_IDS: Final = ("symbol", "orderId", "origClientOrderId")
_CHANGES: Final = ("side", "quantity", "price", "priceMatch", "modifyId", "reduceOnly", "positionSide")
MODIFY_PARAMETERS: Final = (*_IDS, *_CHANGES)


# --- one at a time ---------------------------------------------------------------------------------------------------


def place(venue: Venue, parameters: RequestParameters) -> Answer:
    """Accept an order; the answer shows it as accepted, or with newOrderRespType=RESULT as it is afterwards."""
    order = venue.exchange.place(venue.account, order_parameters.read_request(venue, parameters), venue.now_ms())
    wants_result = parameters.choice("newOrderRespType", order_parameters.RESPONSES, default="ACK")

    return order_answer(order if wants_result else accepted_only(order), venue)


def check(venue: Venue, parameters: RequestParameters) -> object:
    """Check an order's parameters and send it nowhere."""
    order_parameters.read_request(venue, parameters)

    return {}


def modify(venue: Venue, parameters: RequestParameters) -> Answer:
    """Move an open limit order to a new price and a new total amount, both of which must be sent."""
    venue.require_symbol(parameters)
    order_id, client_id = read_ids(parameters)
    side = parameters.choice("side", SIDES)
    order = venue.exchange.order(venue.account, order_id=order_id, client_id=client_id)

    if order is None or order.state is not OrderState.OPEN or order.side is not side:
        raise refusal(-2013)

    if not venue.amends.may_move(order.order_id):
        raise refusal(-5043)

    price, amount = _new_terms(venue, parameters, order)
    moved = venue.exchange.amend(
        venue.account,
        order_id=order.order_id,
        price=price,
        amount=amount,
        now_ms=venue.now_ms(),
        amend_id=parameters.optional_integer("modifyId") or 0,
    )

    return order_answer(moved, venue)


def cancel(venue: Venue, parameters: RequestParameters) -> Answer:
    """Cancel an open order; -2011 when it is not open."""
    venue.require_symbol(parameters)
    order_id, client_id = read_ids(parameters)

    return _cancel(venue, order_id=order_id, client_id=client_id)


def ask(venue: Venue, parameters: RequestParameters) -> object:
    """An order, open or not; -2013 when there is none."""
    return order_report(_read(venue, parameters), venue)


def ask_open(venue: Venue, parameters: RequestParameters) -> object:
    """An open order; -2013 when it is not open."""
    order = _read(venue, parameters)
    refuse_first((-2013, lambda: order.state is not OrderState.OPEN))

    return order_report(order, venue)


def open_orders(venue: Venue, parameters: RequestParameters) -> object:
    """All open orders."""
    venue.has_symbol(parameters)

    return [order_report(order, venue) for order in venue.reading.open_orders()]


def all_orders(venue: Venue, parameters: RequestParameters) -> object:
    """Orders of the last week, or of a window, or from an id on; oldest first."""
    venue.has_symbol(parameters)
    from_id = parameters.optional_integer("orderId") or 0
    until_ms = venue.asked_ms(parameters, "endTime") or venue.now_ms()
    since_ms = venue.asked_ms(parameters, "startTime") or until_ms - WEEK_MS
    limit = parameters.limit(default=500, most=1000)
    orders = [
        order_report(order, venue)
        for order in venue.reading.orders()
        if order.order_id >= from_id and since_ms <= order.created_ms <= until_ms
    ]

    return orders[:limit] if from_id or "startTime" in parameters else orders[-limit:]


def read_ids(
    parameters: RequestParameters, id_name: str = "orderId", client_name: str = "origClientOrderId"
) -> tuple[int | None, str | None]:
    """The id by which an order is named; the venue's own wins, -1102 when there is neither."""
    order_id = parameters.optional_integer(id_name)

    if order_id is not None:
        return order_id, None

    if client_name not in parameters:
        raise refusal(-1102, name=id_name)

    return None, parameters.text(client_name)


def _cancel(venue: Venue, *, order_id: int | None = None, client_id: str | None = None) -> Answer:
    order = venue.exchange.cancel(venue.account, order_id=order_id, client_id=client_id, now_ms=venue.now_ms())

    return order_answer(order, venue)


def _read(venue: Venue, parameters: RequestParameters) -> SimulatedOrder:
    venue.require_symbol(parameters)
    order_id, client_id = read_ids(parameters)
    order = venue.reading.order(order_id=order_id, client_id=client_id)

    if order is None:
        raise refusal(-2013)

    return order


def _new_terms(venue: Venue, parameters: RequestParameters, order: SimulatedOrder) -> tuple[Decimal, Decimal]:
    amount = parameters.decimal("quantity")
    price = order_parameters.read_price(venue, parameters, order.side, order_parameters.read_match(parameters, "LIMIT"))
    order_parameters.check_amount(amount, venue, market=False)
    order_parameters.check_band(price, order.side, venue)

    if not parameters.flag("reduceOnly"):
        order_parameters.check_notional(price, amount, venue.instrument, code=-5029)
    elif not order.reduce_only:
        raise refusal(-5047)

    return price, amount


# --- many in one call ------------------------------------------------------------------------------------------------


def place_batch(venue: Venue, parameters: RequestParameters) -> object:
    """Up to five orders, each placed or refused by itself, in the order of the request."""
    return _each_element(venue, parameters, place, order_parameters.ORDER_PARAMETERS, "POST")


def modify_batch(venue: Venue, parameters: RequestParameters) -> object:
    """Up to five changes, each made or refused by itself."""
    return _each_element(venue, parameters, modify, MODIFY_PARAMETERS, "PUT")


def cancel_batch(venue: Venue, parameters: RequestParameters) -> object:
    """Up to ten cancels by one kind of id, each answered by itself."""
    venue.require_symbol(parameters)
    # The venue takes the names of the lists in lower case too, as some clients send them.
    id_list, name_list = (name.lower() if name.lower() in parameters else name for name in LISTS)

    if id_list in parameters:
        ids = [_whole(value) for value in parameters.json_list(id_list, most=MOST_CANCELLED)]

        return _each(venue, ids, lambda order_id: _cancel(venue, order_id=order_id), "DELETE")

    if name_list not in parameters:
        raise refusal(-1102, name="orderIdList")

    names = [str(value) for value in parameters.json_list(name_list, most=MOST_CANCELLED)]

    return _each(venue, names, lambda name: _cancel(venue, client_id=name), "DELETE")


def cancel_all(venue: Venue, parameters: RequestParameters) -> object:
    """Cancel all open orders of the market; conditional ones stay."""
    venue.require_symbol(parameters)
    venue.exchange.cancel_all(venue.account, venue.now_ms())

    return ALL_CANCELLED


def countdown(venue: Venue, parameters: RequestParameters) -> object:
    """Wind the dead-man switch up; 0 stops it."""
    symbol = venue.require_symbol(parameters)
    countdown_ms = parameters.integer("countdownTime")
    venue.exchange.set_countdown(venue.account, countdown_ms, venue.now_ms())

    return {"symbol": symbol, "countdownTime": str(countdown_ms)}


def claim_moved(venue: Venue, parameters: RequestParameters) -> AbstractContextManager[Callable[[], None]]:
    """Claim the orders that a request is to move, as far as they can be read from it."""
    return venue.amends.claim(_moved_orders(venue, parameters))


def _moved_orders(venue: Venue, parameters: RequestParameters) -> Iterator[int]:
    try:
        for request in _elements(parameters) if "batchOrders" in parameters else [parameters]:
            order_id, client_id = read_ids(request)
            order = venue.exchange.order(venue.account, order_id=order_id, client_id=client_id)

            if order is not None:
                yield order.order_id
    except RefusalError:  # it is refused for that when it is carried out
        return


def _elements(parameters: RequestParameters) -> list[RequestParameters]:
    elements = parameters.json_list("batchOrders", most=MOST_PLACED)

    return [parameters.element("batchOrders", element) for element in elements]


def _each_element(
    venue: Venue,
    parameters: RequestParameters,
    handle: Callable[[Venue, RequestParameters], Answer],
    known: Collection[str],
    method: str,
) -> list[Answer]:
    def one(element: object) -> Answer:
        read = parameters.element("batchOrders", element)
        read.refuse_unread(known)

        return handle(venue, read)

    return _each(venue, parameters.json_list("batchOrders", most=MOST_PLACED), one, method)


def _each(venue: Venue, values: Sequence[_Value], call: Callable[[_Value], Answer], method: str) -> list[Answer]:
    """What the call answers for each value, or its refusal: one that fails does not stop the others."""
    answers = []

    for value in values:
        try:
            answers.append(call(value))
        except RefusalError as error:
            answers.append(refusal_body(error))
        except RejectionError as error:
            answers.append(refusal_body(translate_rejection(error, method, "", venue.instrument)))

    return answers


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(-1130, name="orderIdList")

    return value


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    command("POST", "/fapi/v1/order", place, *order_parameters.ORDER_PARAMETERS, weight=0, orders=ONE_ORDER),
    command("POST", "/fapi/v1/order/test", check, *order_parameters.ORDER_PARAMETERS, weight=0),
    command("PUT", "/fapi/v1/order", modify, *MODIFY_PARAMETERS, orders=ONE_ORDER, under_way=claim_moved),
    command("DELETE", "/fapi/v1/order", cancel, *_IDS),
    query("/fapi/v1/order", ask, *_IDS),
    query("/fapi/v1/openOrder", ask_open, *_IDS),
    query("/fapi/v1/openOrders", open_orders, "symbol", weight=by_symbol(1, 40)),
    query("/fapi/v1/allOrders", all_orders, "symbol", "orderId", "startTime", "endTime", "limit", weight=5),
    command("POST", "/fapi/v1/batchOrders", place_batch, "batchOrders", weight=5, orders=BATCH),
    command("PUT", "/fapi/v1/batchOrders", modify_batch, "batchOrders", weight=5, orders=BATCH, under_way=claim_moved),
    command("DELETE", "/fapi/v1/batchOrders", cancel_batch, "symbol", *LISTS, *map(str.lower, LISTS)),
    command("DELETE", "/fapi/v1/allOpenOrders", cancel_all, "symbol"),
    command("POST", "/fapi/v1/countdownCancelAll", countdown, "symbol", "countdownTime", weight=10),
)
