"""Orders: create, amend, cancel, one by one and in batches. A gateway answers, and the exchange acts later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

import attrs

from perpmaker.venue.sandbox import (
    OrderState,
    Rejection,
    RejectionError,
    RequestParameters,
    SimulatedOrder,
    TimeInForce,
)
from perpmaker_bybit_perpetual.sandbox import counts
from perpmaker_bybit_perpetual.sandbox.gateway_orders import Ended, GatewayOrder
from perpmaker_bybit_perpetual.sandbox.order_parameters import (
    MOST_CONDITIONALS,
    check_amount,
    check_stop,
    read_order,
    read_stop,
    venue_price,
)
from perpmaker_bybit_perpetual.sandbox.refusals import WORDS, bad, refusal
from perpmaker_bybit_perpetual.sandbox.venue import (
    Row,
    Venue,
    VenueEndpoint,
    setting,
    unknown_order,
)
from perpmaker_bybit_perpetual.sandbox.words import BY_USER, LATER, OTHERS, OVERTAKEN, TOO_LATE, UNKNOWN, WILL_TAKE

MOST_CANCELLED: Final = 500
UNTIL: Final = "_until"
"""The parameter by which the end of a request's window goes to the exchange with it."""

FILTERS: Final = frozenset({"Order", "StopOrder"})


# --- one at a time ---------------------------------------------------------------------------------------------------


def create(venue: Venue, parameters: RequestParameters) -> Row:
    """Take an order at the gateway; what the matching engine does is told on the stream."""
    known = read_order(venue, parameters)

    if known.request is None:
        _check_room(venue)
    else:
        try:
            venue.exchange.check(venue.account, known.request, venue.now_ms())
        except RejectionError as error:
            if error.rejection not in LATER:
                raise

    venue.orders.add(known)
    _send(venue, parameters, known, partial(_place, venue, known))

    return _ids(known)


def amend(venue: Venue, parameters: RequestParameters) -> Row:
    """Change price, total amount or attached stop of an open order; only what is sent changes."""
    venue.require_symbol(parameters)
    known = find_order(venue, parameters, "replace")
    order = _open_order(venue, known, "replace")
    price, amount = _new_terms(venue, parameters, order)
    stop_changes = "stopLoss" in parameters

    if stop_changes and order.filled_lots:
        raise refusal(110059)

    stop = read_stop(parameters) if stop_changes else known.stop

    if stop is not None:
        check_stop(venue, stop, order.side, price)

    is_moved = (price, amount) != (venue.instrument.price(order.ticks or 0), venue.instrument.amount(order.lots))

    if not is_moved and stop == known.stop:
        raise bad(WORDS[Rejection.UNCHANGED])

    known.stop = stop

    if is_moved:
        _refuse_moving(venue, known)
        known.moving += 1
        _send(venue, parameters, known, partial(_move, venue, known, price, amount))
    else:
        venue.orders.on_changed(known)

    return _ids(known)


def cancel(venue: Venue, parameters: RequestParameters) -> Row:
    """Cancel an open order, ordinary or conditional; 110001 where it is not open."""
    venue.require_symbol(parameters)
    parameters.word("orderFilter", FILTERS, default="Order")
    known = find_order(venue, parameters, "cancel")

    if not is_open(venue, known):
        raise unknown_order("cancel")

    _refuse_moving(venue, known)
    venue.parts.commands.put(partial(end, venue, known))

    return _ids(known)


def cancel_all(venue: Venue, parameters: RequestParameters) -> object:
    """Cancel all open orders of a kind; without `orderFilter` all of them, conditions and stops too."""
    is_asked = venue.is_asked(parameters)
    kinds = {parameters.word("orderFilter", FILTERS)} if "orderFilter" in parameters else FILTERS
    ended = []

    for known in open_orders(venue, kinds) if is_asked else ():
        venue.parts.commands.put(partial(end, venue, known))
        ended.append(_ids(known))

    return {"list": ended[:MOST_CANCELLED], "success": "1"}


def find_order(venue: Venue, parameters: RequestParameters, what: str) -> GatewayOrder:
    """The order that is named by `orderId` or `orderLinkId`; 110001 where there is none."""
    order_id, link_id = (parameters.optional_text(name) for name in ("orderId", "orderLinkId"))

    if order_id is None and link_id is None:
        raise bad("orderId or orderLinkId is required")

    known = venue.orders.find(order_id, link_id)

    if known is None:
        raise unknown_order(what)

    return known


def open_orders(venue: Venue, kinds: Collection[str]) -> Sequence[GatewayOrder]:
    """What the exchange has open: orders (`Order`), conditions (`StopOrder`), or both."""
    orders = venue.exchange.open_orders(venue.account) if "Order" in kinds else ()
    conditions = venue.exchange.conditional_orders(venue.account) if "StopOrder" in kinds else ()

    return [*map(venue.orders.of_order, orders), *map(venue.orders.of_conditional, conditions)]


def is_open(venue: Venue, known: GatewayOrder) -> bool:
    """Whether the exchange has it open, as an order or as a condition."""
    return _order(venue, known, OrderState.OPEN) is not None or _waiting(venue, known)


def end(venue: Venue, known: GatewayOrder) -> None:
    """Cancel an order at the exchange; one that is filled meanwhile is told as filled once more."""
    now_ms, account = venue.now_ms(), venue.account

    if known.engine_id is None and _waiting(venue, known):
        venue.exchange.cancel_conditional(account, conditional_id=known.conditional_ids[-1], now_ms=now_ms)
    elif _order(venue, known, OrderState.OPEN) is not None:
        venue.exchange.cancel(account, order_id=known.engine_id, now_ms=now_ms)
    elif _order(venue, known, OrderState.FILLED) is not None:
        venue.orders.on_changed(known, cancel_type=BY_USER, reason=TOO_LATE)


# --- what the exchange does then -------------------------------------------------------------------------------------


def _send(venue: Venue, parameters: RequestParameters, known: GatewayOrder, act: Callable[[], object]) -> None:
    """Let the exchange do this later, unless the window of the request is over by then and it looks at that."""
    until_ms = int(parameters.text(UNTIL))

    def arrive() -> None:
        known.moving = max(known.moving - 1, 0)

        if venue.parts.options.checks_window_at_match and venue.server_ms() > until_ms:
            _come_too_late(venue, known)
        else:
            act()

    venue.parts.commands.put(arrive)


def _place(venue: Venue, known: GatewayOrder) -> None:
    account, now_ms = venue.account, venue.now_ms()

    try:
        if known.request is not None:
            venue.exchange.place(account, known.request, now_ms)
        elif known.conditional is not None:
            request = attrs.evolve(known.conditional, client_id=venue.orders.alias(known))
            venue.exchange.place_conditional(account, request, now_ms)
    except RejectionError as error:
        status, cancel_type, reason = OVERTAKEN.get(error.rejection, ("Rejected", UNKNOWN, OTHERS))

        if reason == WILL_TAKE:
            status = venue.options.post_only_status

        now_ms = venue.now_ms()
        venue.orders.refuse(known, Ended(status=status, cancel_type=cancel_type, reason=reason, now_ms=now_ms))


def _come_too_late(venue: Venue, known: GatewayOrder) -> None:
    """Say that the exchange has not done what the gateway took: of a new order, or of a change of one."""
    if known.engine_id is not None:
        venue.orders.on_changed(known, reason=OTHERS)
        return

    now_ms = venue.now_ms()
    venue.orders.refuse(known, Ended(status="Rejected", cancel_type=UNKNOWN, reason=OTHERS, now_ms=now_ms))


def _move(venue: Venue, known: GatewayOrder, price: Decimal, amount: Decimal) -> None:
    order = _order(venue, known, OrderState.OPEN)

    if order is None:
        venue.orders.on_changed(known, reason=TOO_LATE)
        return

    if venue.options.crossing_amend == "refuses" and _would_take(venue, order, price):
        venue.orders.on_changed(known, reason=WILL_TAKE)
        return

    try:
        venue.exchange.amend(venue.account, order_id=order.order_id, price=price, amount=amount, now_ms=venue.now_ms())
    except RejectionError:
        venue.orders.on_changed(known, reason=OTHERS)


def _would_take(venue: Venue, order: SimulatedOrder, price: Decimal) -> bool:
    best = venue.exchange.best(order.side.opposite)
    post_only = order.time_in_force is TimeInForce.POST_ONLY

    return post_only and best is not None and (price - venue.instrument.price(best[0])) * order.side.sign >= 0


# --- checks of the gateway -------------------------------------------------------------------------------------------


def _refuse_moving(venue: Venue, known: GatewayOrder) -> None:
    """Refuse what is about an order that is being changed, where the venue does so: 110079."""
    if known.moving and venue.options.locks_moving:
        raise refusal(110079)


def _check_room(venue: Venue) -> None:
    """Refuse the eleventh conditional order of the market: 110009."""
    waiting = [venue.orders.of_conditional(one) for one in venue.exchange.conditional_orders(venue.account)]

    if sum(venue.options.stops_count or not known.is_of_position for known in waiting) >= MOST_CONDITIONALS:
        raise refusal(110009)


def _new_terms(venue: Venue, parameters: RequestParameters, order: SimulatedOrder) -> tuple[Decimal, Decimal]:
    price, amount = (parameters.optional_decimal(name) for name in ("price", "qty"))

    if amount is not None:
        check_amount(venue, amount, market=False)

    if amount is not None and venue.instrument.lots_down(amount) <= order.filled_lots:
        raise refusal(110064)

    return (
        venue.instrument.price(order.ticks or 0) if price is None else venue_price(venue, price, order.side),
        venue.instrument.amount(order.lots) if amount is None else amount,
    )


def _open_order(venue: Venue, known: GatewayOrder, what: str) -> SimulatedOrder:
    order = _order(venue, known, OrderState.OPEN)

    if order is None or order.ticks is None:
        raise unknown_order(what)

    return order


def _order(venue: Venue, known: GatewayOrder, state: OrderState) -> SimulatedOrder | None:
    if known.engine_id is None:
        return None

    order = venue.exchange.order(venue.account, order_id=known.engine_id)

    return order if order is not None and order.state is state else None


def _waiting(venue: Venue, known: GatewayOrder) -> bool:
    waiting = {one.conditional_id for one in venue.exchange.conditional_orders(venue.account)}

    return not waiting.isdisjoint(known.conditional_ids)


def _ids(known: GatewayOrder) -> Row:
    return {"orderId": known.order_id, "orderLinkId": known.link_id}


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    setting("/v5/order/create", create, counts.CREATE, gateway=True),
    setting("/v5/order/amend", amend, counts.AMEND, gateway=True),
    setting("/v5/order/cancel", cancel, counts.CANCEL, gateway=True),
    setting("/v5/order/cancel-all", cancel_all, counts.CANCEL_ALL, gateway=True),
)
