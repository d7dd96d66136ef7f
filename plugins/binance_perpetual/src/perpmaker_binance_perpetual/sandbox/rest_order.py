"""Orders one at a time: place, test, modify, cancel, ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker.simulation.order import OrderState, SimulatedOrder
from perpmaker.simulation.rejection import RejectionError
from perpmaker_binance_perpetual.sandbox.denial import Asked, translate_denial
from perpmaker_binance_perpetual.sandbox.endpoint import Endpoint, command, query
from perpmaker_binance_perpetual.sandbox.limit import OrderCost
from perpmaker_binance_perpetual.sandbox.market_rule import check_amount, check_band, check_notional
from perpmaker_binance_perpetual.sandbox.order_request import PARAMETERS, read_price, read_request
from perpmaker_binance_perpetual.sandbox.order_wording import SIDES, accepted_only, order_answer, order_report
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.price_match import read_match
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue

ONE: Final = OrderCost(ten_seconds=1, minute=1)
WEEK_MS: Final = 7 * 86_400_000
MODIFY_PARAMETERS: Final = (
    "symbol",
    "side",
    "quantity",
    "price",
    "orderId",
    "origClientOrderId",
    "priceMatch",
    "modifyId",
    "reduceOnly",
    "positionSide",
)


def place(venue: Venue, parameters: Parameters) -> dict[str, object]:
    """Take an order; the answer shows it as accepted, or with newOrderRespType=RESULT as it is afterwards."""
    request = read_request(venue, parameters)

    try:
        order = venue.exchange.place(venue.account, request, venue.now_ms())
    except RejectionError as error:
        raise translate_denial(error, Asked.PLACE, venue.instrument) from None

    wants_result = parameters.optional_text("newOrderRespType") == "RESULT"

    return order_answer(order if wants_result else accepted_only(order), venue)


def test(venue: Venue, parameters: Parameters) -> object:
    """Check an order's parameters and send it nowhere."""
    read_request(venue, parameters)

    return {}


def modify(venue: Venue, parameters: Parameters) -> dict[str, object]:
    """Move an open limit order to a new price and a new total amount, both of which must be sent."""
    venue.require_symbol(parameters)
    order_id, client_id = read_ids(parameters)
    side = SIDES[parameters.choice("side", SIDES, code=-1117)]
    order = venue.exchange.order(venue.account, order_id=order_id, client_id=client_id)

    if order is None or order.state is not OrderState.OPEN or order.side is not side:
        raise refusal(-2013)

    if not venue.amends.may_move(order.order_id):
        raise refusal(-5043)

    price, amount = _new_terms(venue, parameters, order)

    try:
        moved = venue.exchange.amend(
            venue.account,
            order_id=order.order_id,
            price=price,
            amount=amount,
            now_ms=venue.now_ms(),
            amend_id=parameters.optional_integer("modifyId") or 0,
        )
    except RejectionError as error:
        raise translate_denial(error, Asked.AMEND, venue.instrument) from None

    return order_answer(moved, venue)


def cancel(venue: Venue, parameters: Parameters) -> dict[str, object]:
    """Cancel an open order; -2011 when it is not open."""
    venue.require_symbol(parameters)
    order_id, client_id = read_ids(parameters)

    return cancel_one(venue, order_id=order_id, client_id=client_id)


def cancel_one(venue: Venue, *, order_id: int | None = None, client_id: str | None = None) -> dict[str, object]:
    """Cancel an open order by either id and answer it."""
    try:
        order = venue.exchange.cancel(venue.account, order_id=order_id, client_id=client_id, now_ms=venue.now_ms())
    except RejectionError as error:
        raise translate_denial(error, Asked.CANCEL, venue.instrument) from None

    return order_answer(order, venue)


def ask(venue: Venue, parameters: Parameters) -> object:
    """An order, open or not; -2013 when there is none."""
    return order_report(_read(venue, parameters), venue)


def ask_open(venue: Venue, parameters: Parameters) -> object:
    """An open order; -2013 when it is not open."""
    order = _read(venue, parameters)

    if order.state is not OrderState.OPEN:
        raise refusal(-2013)

    return order_report(order, venue)


def open_orders(venue: Venue, parameters: Parameters) -> object:
    """All open orders."""
    venue.has_symbol(parameters)

    return [order_report(order, venue) for order in venue.reading.open_orders()]


def all_orders(venue: Venue, parameters: Parameters) -> object:
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


def read_ids(parameters: Parameters) -> tuple[int | None, str | None]:
    """The id by which an order is named; the venue's own wins, -1102 when there is neither."""
    order_id = parameters.optional_integer("orderId")

    if order_id is not None:
        return order_id, None

    if "origClientOrderId" not in parameters:
        raise refusal(-1102, name="orderId")

    return None, parameters.text("origClientOrderId")


def _read(venue: Venue, parameters: Parameters) -> SimulatedOrder:
    venue.require_symbol(parameters)
    order_id, client_id = read_ids(parameters)
    order = venue.reading.order(order_id=order_id, client_id=client_id)

    if order is None:
        raise refusal(-2013)

    return order


def _new_terms(venue: Venue, parameters: Parameters, order: SimulatedOrder) -> tuple[Decimal, Decimal]:
    parameters.text("quantity")
    amount = parameters.optional_decimal("quantity") or Decimal(0)
    price = read_price(venue, parameters, order.side, read_match(parameters, "LIMIT"))
    check_amount(amount, venue.instrument, venue.notation, market=False)
    check_band(price, order.side.sign, venue.exchange.mark, venue)

    if not parameters.flag("reduceOnly"):
        check_notional(price, amount, venue.instrument, code=-5029)
    elif not order.reduce_only:
        raise refusal(-5047)

    return price, amount


def _list_weight(parameters: Parameters) -> int:
    return 1 if "symbol" in parameters else 40


_IDS: Final = ("symbol", "orderId", "origClientOrderId")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    command("POST", "/fapi/v1/order", place, *PARAMETERS, weight=0, cost=ONE),
    command("POST", "/fapi/v1/order/test", test, *PARAMETERS, weight=0),
    command("PUT", "/fapi/v1/order", modify, *MODIFY_PARAMETERS, cost=ONE),
    command("DELETE", "/fapi/v1/order", cancel, *_IDS),
    query("/fapi/v1/order", ask, *_IDS),
    query("/fapi/v1/openOrder", ask_open, *_IDS),
    query("/fapi/v1/openOrders", open_orders, "symbol", weight=_list_weight),
    query("/fapi/v1/allOrders", all_orders, "symbol", "orderId", "startTime", "endTime", "limit", weight=5),
)
