"""Questions about orders and executions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from perpmaker.venue.sandbox import RequestParameters
from perpmaker_bybit_perpetual.sandbox.gateway_orders import GatewayOrder
from perpmaker_bybit_perpetual.sandbox.order_rows import (
    Shown,
    execution_row,
    funding_row,
    order_row,
    shown_now,
)
from perpmaker_bybit_perpetual.sandbox.orders import FILTERS
from perpmaker_bybit_perpetual.sandbox.venue import Venue, VenueEndpoint, query

RECENT: Final = 500


def realtime(venue: Venue, parameters: RequestParameters) -> object:
    """Open orders; by an id also one that has ended, and with `openOnly=1` the recent ones that have."""
    has_id = "orderId" in parameters or "orderLinkId" in parameters
    is_asked = venue.is_asked(parameters, required=not has_id)
    closed = parameters.word("openOnly", {"0", "1", "2"}, default="0") != "0"
    usual = FILTERS if venue.options.lists_stops else {"Order"}
    kinds = {parameters.word("orderFilter", FILTERS)} if "orderFilter" in parameters else usual
    rows = [
        order_row(known, shown, venue)
        for known, shown in _asked(venue, parameters, open_only=not closed)
        if is_asked and (has_id or (shown.is_open is not closed and _filter(shown) in kinds))
    ]

    return venue.page(rows[:RECENT] if closed else rows, parameters, default=20, most=50)


def history(venue: Venue, parameters: RequestParameters) -> object:
    """Orders that have ended, the newest first: of a window, a week at the most."""
    is_asked = venue.is_asked(parameters, required=False)
    since_ms, until_ms = venue.between(parameters)
    kinds = {parameters.word("orderFilter", FILTERS)} if "orderFilter" in parameters else FILTERS
    status = parameters.optional_text("orderStatus")
    rows = [
        order_row(known, shown, venue)
        for known, shown in _asked(venue, parameters)
        if is_asked
        and not shown.is_open
        and status in {None, shown.status}
        and since_ms <= known.created_ms <= until_ms
        if ("StopOrder" if known.conditional is not None else "Order") in kinds
    ]

    return venue.page(rows, parameters, default=20, most=50)


def executions(venue: Venue, parameters: RequestParameters) -> object:
    """Executions and funding, the newest first: of a window, a week at the most."""
    is_asked = venue.is_asked(parameters, required=False)
    since_ms, until_ms = venue.between(parameters)
    kind = parameters.optional_text("execType")
    wanted = {name: parameters.text(name) for name in ("orderId", "orderLinkId") if name in parameters}
    dated = [
        (one.now_ms, one.trade_id, execution_row(one, venue.orders.of_engine(one.order_id), venue))
        for one in venue.reading.executions(since_ms)
        if one.now_ms <= until_ms
    ]
    dated += [
        (one.settled.now_ms, 0, funding_row(one, venue))
        for one in venue.fills.fundings(venue.seen_ms)
        if since_ms <= one.settled.now_ms <= until_ms
    ]
    dated.sort(key=lambda row: row[:2], reverse=True)
    rows = [
        row
        for _, _, row in dated
        if is_asked and kind in {None, row["execType"]} and all(row[name] == id_ for name, id_ in wanted.items())
    ]

    return venue.page(rows, parameters, default=50, most=100)


def _asked(
    venue: Venue, parameters: RequestParameters, *, open_only: bool = False
) -> Iterator[tuple[GatewayOrder, Shown]]:
    """The orders that are asked about: one by its id, or all that are seen, the newest first."""
    order_id, link_id = (parameters.optional_text(name) for name in ("orderId", "orderLinkId"))

    if order_id is not None or link_id is not None:
        found = venue.orders.find(order_id, link_id)
        known: Sequence[GatewayOrder] = () if found is None else (found,)
    else:
        known = _open_orders(venue) if open_only else venue.orders.all()

    for one in known:
        shown = shown_now(one, venue)

        if shown is not None:
            yield one, shown


def _open_orders(venue: Venue) -> Sequence[GatewayOrder]:
    orders = [venue.orders.of_order(one) for one in venue.reading.open_orders()]
    conditions = [venue.orders.of_conditional(one) for one in venue.reading.waiting_conditionals()]

    return sorted({*orders, *conditions}, key=lambda known: known.created_ms, reverse=True)


def _filter(shown: Shown) -> str:
    return "StopOrder" if shown.status == "Untriggered" else "Order"


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    query("/v5/order/realtime", realtime, "realtime"),
    query("/v5/order/history", history, "history"),
    query("/v5/execution/list", executions, "executions"),
)
