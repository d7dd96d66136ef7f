"""Connectors whose orders, fills or outcomes are broken, each by the test that finds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import attrs

from perpmaker.errors import PayloadError, RefusedError
from perpmaker.model.event import (
    OrderCancelled,
    OrderReported,
)
from perpmaker.model.order import CancelCause, OrderKind, OrderStatus, OrderType
from perpmaker.model.outcome import Accepted, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue import LostAnswerError

from .broken import (
    Break,
    answers,
    events,
    instead,
    outcomes,
    reason,
    rejected,
    without,
)


def knows_only_what_it_placed(method: str, placed_by: str = "place") -> Break:
    """Raise where an order is meant that was never placed."""

    def break_(connector: Any) -> None:
        known, place, asked = set[str](), getattr(connector, placed_by), getattr(connector, method)

        async def placing(instrument: Any, orders: Any) -> Any:
            known.update(order.client_id for order in orders)

            return await place(instrument, orders)

        async def asking(instrument: Any, orders: Any, *others: Any) -> Any:
            ids = [orders] if isinstance(orders, str) else [order.client_id for order in orders]

            if not known.issuperset(ids):
                raise RefusedError("there is no such order")

            return await asked(instrument, orders, *others)

        setattr(connector, placed_by, placing)
        setattr(connector, method, asking)

    return break_


def sends_again(connector: Any, place: Any) -> Any:
    """A placement whose answer is lost is sent once more."""

    async def again(instrument: Any, orders: Any) -> Any:
        found = await place(instrument, orders)

        if isinstance(found[0], Unknown) and await connector.fetch_order(instrument, orders[0].client_id, None):
            await place(instrument, orders)

        return found

    return again


def fills_late_orders_twice(connector: Any) -> None:
    """An order whose acknowledgement was late is believed filled by its answer too."""
    late, place, fetch_fills = set[str](), connector.place, connector.fetch_fills

    async def placing(instrument: Any, orders: Any) -> Any:
        began = anyio.current_time()
        found = await place(instrument, orders)

        if anyio.current_time() - began > 0.35:
            late.update(order.client_id for order in orders)

        return found

    async def fetching(instrument: Any, since_ms: int) -> Any:
        return [fill for fill in await fetch_fills(instrument, since_ms) for _ in range(1 + (fill.client_id in late))]

    connector.place, connector.fetch_fills = placing, fetching


def unknown_is(word: str, told: Any) -> Any:
    """Change an unknown outcome whose detail has the word."""
    return lambda outcome: told(outcome) if isinstance(outcome, Unknown) and word in outcome.detail else outcome


def accepted(outcome: Any) -> Accepted:
    """Take an outcome for a yes."""
    return Accepted(client_id=outcome.client_id)


def now_signed(outcome: Any) -> Any:
    """An unknown outcome is said to have been signed when it was given up."""
    return attrs.evolve(outcome, signed_at=anyio.current_time())


def last_part_only(report: Any, *_: Any) -> Any:
    """Of the fills of an open order only the last part is counted."""
    if report is None or report.status is not OrderStatus.OPEN or report.filled_lots <= 3:
        return report

    return attrs.evolve(report, filled_lots=report.filled_lots - 3)


def untyped(report: Any, *_: Any) -> Any:
    """A post-only order is shown as any limit order."""
    return None if report is None else attrs.evolve(report, type=OrderType.LIMIT)


def empty_after(*kinds: type[Exception]) -> Any:
    """Errors of some kinds are taken for an empty list."""

    def make(_: Any, method: Any) -> Any:
        async def careless(*arguments: Any) -> Any:
            try:
                return await method(*arguments)
            except kinds:
                return []

        return careless

    return make


def turned_fills(change: Any) -> Any:
    """Change each fill of an answer."""
    return lambda fills, *_: [change(fill) for fill in fills]


def opens_what_it_should_close(_: Any, place: Any) -> Any:
    """Closes never tell the venue that they only close."""

    async def placing(instrument: Any, orders: Any) -> Any:
        told = [attrs.evolve(one, reduce_only=False) if one.slot.kind is OrderKind.CLOSE else one for one in orders]

        return await place(instrument, told)

    return placing


def rests_the_first(_: Any, place: Any) -> Any:
    """The first order that may not rest is sent as one that may."""
    seen: list[Any] = []

    async def placing(instrument: Any, orders: Any) -> Any:
        is_first = not seen and len(orders) == 1
        seen.extend(one for one in orders if one.type is OrderType.IOC)

        if is_first and seen:
            orders = [attrs.evolve(orders[0], type=OrderType.LIMIT)]

        return await place(instrument, orders)

    return placing


def empty_when_over(report: Any, *_: Any) -> Any:
    """An order that was cancelled is shown without its fills."""
    is_over = report is not None and report.status is OrderStatus.CANCELLED

    return attrs.evolve(report, filled_lots=0) if is_over else report


def never_done(report: Any, *_: Any) -> Any:
    """A market order is always shown as open."""
    is_market = report is not None and report.type is OrderType.MARKET

    return attrs.evolve(report, status=OrderStatus.OPEN) if is_market else report


def takes_too_late_for_done(connector: Any) -> None:
    """A cancel that comes too late is told as done."""
    known, place, cancel = set[str](), connector.place, connector.cancel

    async def placing(instrument: Any, orders: Any) -> Any:
        known.update(order.client_id for order in orders)

        return await place(instrument, orders)

    async def cancelling(instrument: Any, orders: Any) -> Any:
        found = await cancel(instrument, orders)

        return [accepted(one) if isinstance(one, Rejected) and one.client_id in known else one for one in found]

    connector.place, connector.cancel = placing, cancelling


def signs_for_a_minute(connector: Any) -> None:
    """The venue takes a request for longer than the fence says."""
    dialect = connector._client._dialect
    dialect._recv_window_ms = 60_000


def waits_on(_: Any, place: Any) -> Any:
    """An answer is waited for long after the deadline."""

    async def placing(instrument: Any, orders: Any) -> Any:
        found = await place(instrument, orders)

        if any(isinstance(one, Unknown) for one in found):
            await anyio.sleep(70)

        return found

    return placing


ORDERS: Sequence[tuple[str, Break]] = (
    (
        "test_placed_orders_are_reported_once",
        events(lambda event: (event, event) if isinstance(event, OrderReported) else (event,)),
    ),
    ("test_an_order_rests_as_it_was_asked", answers("fetch_order", untyped)),
    ("test_each_order_has_its_outcome_in_its_place", answers("place", lambda found, *_: found[::-1])),
    (
        "test_a_cancelled_order_is_gone",
        without(OrderCancelled, where=lambda event: event.cause is CancelCause.UNEXPLAINED),
    ),
    ("test_cancelling_an_unknown_order_is_not_an_error", knows_only_what_it_placed("cancel")),
    ("test_an_order_that_never_was_is_none", knows_only_what_it_placed("fetch_order")),
    ("test_post_only_orders_never_take", reason("place", RefusalReason.POST_ONLY_WOULD_TAKE)),
    ("test_reduce_only_orders_without_a_position_are_refused", reason("place", RefusalReason.REDUCE_ONLY)),
    ("test_an_order_without_margin_is_refused_for_it", reason("place", RefusalReason.INSUFFICIENT_MARGIN)),
    ("test_an_order_below_the_rules_is_refused_as_such", reason("place", RefusalReason.FILTER)),
    ("test_a_reduce_only_order_closes_and_no_more", instead("place", opens_what_it_should_close)),
    ("test_an_ioc_order_takes_what_is_there_and_never_rests", instead("place", rests_the_first)),
    ("test_a_market_order_fills_at_once", answers("fetch_order", never_done)),
    ("test_cancelling_a_filled_order_finds_nothing", takes_too_late_for_done),
    ("test_a_placement_never_arrives_after_its_fence", signs_for_a_minute),
    ("test_an_answer_that_trickles_ends_at_the_deadline", instead("place", waits_on)),
    ("test_a_cancelled_order_keeps_what_was_filled", answers("fetch_order", empty_when_over)),
    ("test_many_fills_come_complete", answers("fetch_fills", lambda fills, *_: fills[:1000])),
    ("test_partial_fills_add_up", answers("fetch_order", last_part_only)),
    (
        "test_fills_are_the_venues_own",
        answers("fetch_fills", turned_fills(lambda fill: attrs.evolve(fill, fee=-fill.fee))),
    ),
    (
        "test_fills_asked_for_are_those_of_the_stream",
        answers("fetch_fills", turned_fills(lambda fill: attrs.evolve(fill, trade_id=f"asked-{fill.trade_id}"))),
    ),
    (
        "test_fills_since_a_time_leave_out_what_was_before",
        instead("fetch_fills", lambda _, fetch: lambda instrument, __: fetch(instrument, 1_767_225_600_000)),
    ),
    ("test_fills_before_acknowledgements_count_once", fills_late_orders_twice),
    (
        "test_a_forced_fill_is_told_as_forced",
        answers("fetch_fills", turned_fills(lambda fill: attrs.evolve(fill, forced=""))),
    ),
    ("test_a_timed_out_placement_is_unknown", outcomes("place", unknown_is("", now_signed))),
    ("test_an_order_whose_answer_is_lost_is_found_by_its_id", instead("place", sends_again)),
    ("test_a_cancel_without_an_answer_is_unknown", outcomes("cancel", unknown_is("", rejected))),
    (
        "test_one_lost_batch_leaves_the_others_outcomes",
        answers("place", lambda found, *_: [unknown_is("", rejected)(one) if len(found) > 1 else one for one in found]),
    ),
    ("test_a_server_error_on_an_order_is_unknown", outcomes("place", unknown_is("HTTP 5", rejected))),
    ("test_a_proxys_refusal_is_not_the_venues", outcomes("place", unknown_is("HTTP 4", rejected))),
    ("test_nonsense_for_an_answer_to_an_order_is_unknown", outcomes("place", unknown_is("HTTP 200", accepted))),
    (
        "test_nonsense_for_an_answer_to_a_question_is_an_error_with_words",
        instead("fetch_open_orders", empty_after(PayloadError)),
    ),
    (
        "test_a_venue_that_cannot_be_reached_is_told_as_that",
        instead("fetch_open_orders", empty_after(LostAnswerError)),
    ),
)
