"""Orders in batches, which are not atomic: each order is taken or refused, and counted, by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from perpmaker.venue.sandbox import RefusalError, RejectionError, RequestParameters
from perpmaker_bybit_perpetual.sandbox import counts
from perpmaker_bybit_perpetual.sandbox.orders import UNTIL, amend, cancel, create
from perpmaker_bybit_perpetual.sandbox.refusals import bad, translate_rejection
from perpmaker_bybit_perpetual.sandbox.venue import CATEGORY, Answer, Row, Venue, VenueEndpoint, setting


def _batch(act: Callable[[Venue, RequestParameters], Row], kind: str) -> Callable[[Venue, RequestParameters], Answer]:
    """An endpoint of many orders: each is taken or refused by itself, and counted by itself."""

    def call(venue: Venue, parameters: RequestParameters) -> Answer:
        venue.require_category(parameters)
        until = parameters.text(UNTIL)
        rows, parts = [], []

        for element in _elements(parameters, venue.options.batch_most):
            one = {"category": CATEGORY, **element, UNTIL: until}
            read = parameters.element("request", one)
            code, text, ids = 0, "OK", {}

            try:
                venue.limits.counts.spend_own({kind: 1})
                ids = act(venue, read)
            except RefusalError as error:
                code, text = error.code, error.text
            except RejectionError as error:
                refused = translate_rejection(error, venue.instrument)
                code, text = refused.code, refused.text

            parts.append({"code": code, "msg": text})
            rows.append(_batch_row(venue, element, ids))

        return Answer({"list": rows}, {"list": parts})

    return call


def _elements(parameters: RequestParameters, most: int) -> Sequence[dict[str, object]]:
    elements = parameters.json_list("request", most=most)

    if not all(isinstance(element, dict) for element in elements):
        raise bad("request invalid")

    return elements


def _batch_row(venue: Venue, element: dict[str, object], ids: Row) -> Row:
    """What a batch answers of one order; one that failed has no id of the venue."""
    return {
        "category": CATEGORY,
        "symbol": str(element.get("symbol", "")),
        "orderId": ids.get("orderId", ""),
        "orderLinkId": ids.get("orderLinkId", str(element.get("orderLinkId", ""))),
        "createAt": str(venue.server_ms()) if ids else "",
    }


create_batch = _batch(create, counts.CREATE_BATCH)
amend_batch = _batch(amend, counts.AMEND_BATCH)
cancel_batch = _batch(cancel, counts.CANCEL_BATCH)

ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    setting("/v5/order/create-batch", create_batch, counts.CREATE_BATCH, cost=0, gateway=True),
    setting("/v5/order/amend-batch", amend_batch, counts.AMEND_BATCH, cost=0, gateway=True),
    setting("/v5/order/cancel-batch", cancel_batch, counts.CANCEL_BATCH, cost=0, gateway=True),
)
