"""Connectors that are broken about the account, limits or abilities, each by the test that finds it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import anyio
import attrs

from perpmaker.errors import ConnectivityError, PayloadError, UnknownMarketError
from perpmaker.model.event import (
    Event,
    FundingPaid,
    OrderAmended,
    OrderFilled,
)
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import OrderStatus, OrderType, PositionMode, PositionSide
from perpmaker.model.outcome import Accepted, Rejected
from perpmaker.model.position import MarginMode
from perpmaker.model.refusal import RefusalReason
from perpmaker.testing.contract.spy import UNKNOWN_FIELD
from perpmaker_binance_perpetual.sandbox.signing import KEYS

from .broken import (
    Break,
    ChangedReceiver,
    answers,
    evolved,
    fixed,
    instead,
    outcomes,
    reason,
    rejected,
    without,
    wrap_receivers,
)
from .broken_orders import accepted, knows_only_what_it_placed, unknown_is


def unknown_without_names(_: Any, fetch: Any) -> Any:
    """A market that is not there is refused without a word of what is."""

    async def fetching(market: str) -> Any:
        try:
            return await fetch(market)
        except UnknownMarketError as error:
            raise UnknownMarketError(error.market, "the venue", ()) from None

    return fetching


def changed_account(change: Any) -> Break:
    """Change the positions of the account's picture."""
    return answers(
        "fetch_account",
        lambda account, *_: attrs.evolve(account, positions=tuple(change(one) for one in account.positions)),
    )


def positive(position: Any) -> Any:
    """A short position is shown as a long one."""
    return attrs.evolve(position, amount=abs(position.amount)) if position.side is PositionSide.NET else position


def dated_now(position: Any) -> Any:
    """A position is dated when it was asked for, however old the answer is."""
    return attrs.evolve(position, venue_ms=position.venue_ms + 500)


def swapped(position: Any) -> Any:
    """Long and short are mixed up."""
    sides = {PositionSide.LONG: PositionSide.SHORT, PositionSide.SHORT: PositionSide.LONG}

    return attrs.evolve(position, side=sides.get(position.side, position.side))


def settings_before_errors(_: Any, prepare: Any) -> Any:
    """A mode that cannot be changed is told as changed."""

    async def preparing(*arguments: Any) -> Any:
        try:
            return await prepare(*arguments)
        except Exception:
            if arguments[2] is PositionMode.HEDGE:
                return None

            raise

    return preparing


def spends_the_reserve(connector: Any) -> None:
    """Quotes use the part of the limits that is kept for exits."""
    budget = connector._client.budget
    admit = budget.admit
    budget.admit = lambda cost, **others: admit(cost, **{**others, "urgent": True})


def strict_about_rows(connector: Any, fetch: Any) -> Any:
    """A row that is not understood stops the whole list."""
    skipped = connector._reader.skipped

    async def fetching(*arguments: Any) -> Any:
        before = sum(skipped.values())
        found = await fetch(*arguments)

        if sum(skipped.values()) > before:
            raise PayloadError("a row that makes no sense")

        return found

    return fetching


def strict_about_fields(connector: Any) -> None:
    """A field that is not known makes an answer unreadable."""
    client = connector._client
    exchange = client._exchange

    async def exchanging(request: Any) -> Any:
        incoming = await exchange(request)

        if UNKNOWN_FIELD.encode() in incoming.body:
            raise PayloadError("what is this?")

        return incoming

    client._exchange = exchanging


def gives_up_for_good(_: Any, fetch: Any) -> Any:
    """After a call that was cancelled there is no further one."""
    cancelled: list[bool] = []

    async def fetching(*arguments: Any) -> Any:
        if cancelled:
            raise ConnectivityError("the connection is gone")

        try:
            return await fetch(*arguments)
        except anyio.get_cancelled_exc_class():
            cancelled.append(True)
            raise

    return fetching


def writes_its_secret(connector: Any) -> None:
    """The log shows what requests are signed with."""
    logging.getLogger(connector.name).debug("signing with %s", KEYS.api_secret)


def renames_fills_of_stops(connector: Any) -> None:
    """The execution of a stop is told as that of an order which nobody knows."""
    stops, place = set[str](), connector.place_stops

    async def placing(instrument: Any, orders: Any) -> Any:
        stops.update(order.client_id for order in orders)

        return await place(instrument, orders)

    def change(event: Event) -> Sequence[Event]:
        if isinstance(event, OrderFilled) and event.fill.client_id in stops:
            return (OrderFilled(fill=attrs.evolve(event.fill, client_id="algo")),)

        return (event,)

    connector.place_stops = placing
    wrap_receivers(connector, lambda receiver: ChangedReceiver(receiver, change))


def takes_after_all(connector: Any, amend: Any) -> Any:
    """Where an amend would take, the order is sent at that price all the same."""

    async def amending(instrument: Any, orders: Any) -> Any:
        found = await amend(instrument, orders)

        for one, outcome in zip(orders, found, strict=True):
            ended = (
                isinstance(outcome, Accepted)
                and outcome.report is not None
                and outcome.report.status is OrderStatus.CANCELLED
            )

            if ended or isinstance(outcome, Rejected):
                crossing = attrs.evolve(one.order, client_id=f"{one.client_id}-again", type=OrderType.IOC)
                await connector.place(instrument, [crossing])

        return found

    return amending


def keeps_a_connection(connector: Any, fetch: Any) -> Any:
    """A connection is opened beside the others, and never closed."""
    kept: list[Any] = []

    async def fetching(instrument: Any) -> Any:
        address = urlsplit(connector._access.url)
        kept.append(await connector._access.connect(address.hostname, address.port, tls=False))

        return await fetch(instrument)

    return fetching


async def nothing(*_: Any) -> None:
    """Do nothing."""


def told_as(**changes: Any) -> Any:
    """Change fields of an answer."""
    return lambda answer, *_: attrs.evolve(answer, **changes)


ACCOUNT: Sequence[tuple[str, Break]] = (
    ("test_the_markets_rules_are_the_venues", answers("fetch_instrument", told_as(base="ODD"))),
    ("test_an_unknown_market_names_the_nearest", instead("fetch_instrument", unknown_without_names)),
    ("test_leverage_is_set_and_read_back", answers("prepare", told_as(leverage=5))),
    ("test_the_margin_mode_is_set_and_left_alone", answers("prepare", told_as(margin_mode=MarginMode.CROSS))),
    (
        "test_the_position_mode_is_set_and_read_back",
        answers("prepare", told_as(position_mode=PositionMode.ONE_WAY)),
    ),
    ("test_a_setting_that_something_holds_is_refused_with_words", instead("prepare", settings_before_errors)),
    ("test_hedge_positions_stand_apart", changed_account(swapped)),
    ("test_an_answer_that_lags_is_dated_before_what_it_leaves_out", changed_account(dated_now)),
    ("test_positions_are_the_venues", changed_account(positive)),
    ("test_the_balance_is_the_venues", answers("fetch_account", told_as(available=Decimal(1)))),
    ("test_funding_is_told_with_its_sign", evolved(FundingPaid, amount=lambda paid: -paid.amount)),
    (
        "test_income_is_what_the_venue_has_booked",
        answers("fetch_income", lambda found, *_: [one for one in found if one.kind is not IncomeKind.FEE]),
    ),
    ("test_odd_rows_hide_no_order_of_ours", instead("fetch_open_orders", strict_about_rows)),
    ("test_odd_rows_hide_no_fill_of_ours", instead("fetch_fills", strict_about_rows)),
    ("test_odd_rows_hide_no_position_of_ours", instead("fetch_account", strict_about_rows)),
    ("test_fields_that_are_new_are_ignored", strict_about_fields),
    ("test_what_a_cancelled_call_leaves_is_usable", instead("fetch_open_orders", gives_up_for_good)),
    ("test_a_stop_that_never_was_is_none", knows_only_what_it_placed("fetch_stop", "place_stops")),
    ("test_an_amended_order_keeps_its_id_and_its_fills", without(OrderAmended)),
    ("test_limits_are_obeyed_with_a_reserve_for_cancels", spends_the_reserve),
    ("test_secrets_are_in_no_repr_log_or_error", writes_its_secret),
    ("test_the_key_is_described", answers("fetch_key_rights", told_as(can_trade=False))),
    ("test_the_venues_clock_is_known", fixed("venue_time", lambda _: None)),
    ("test_an_amend_of_a_post_only_order_never_takes", instead("amend", takes_after_all)),
    ("test_leaving_the_context_closes_every_connection", instead("fetch_open_orders", keeps_a_connection)),
    ("test_an_amend_with_a_lost_answer_is_unknown", outcomes("amend", unknown_is("", accepted))),
    ("test_an_amend_that_changes_nothing_is_told_as_that", reason("amend", RefusalReason.UNCHANGED)),
    ("test_an_amend_of_an_order_that_is_gone_finds_nothing", reason("amend", RefusalReason.NOT_FOUND)),
    ("test_an_armed_switch_cancels_when_nothing_is_heard", fixed("arm", nothing)),
    ("test_a_disarmed_switch_cancels_nothing", fixed("disarm", nothing)),
    ("test_the_mark_price_is_answered", answers("fetch_mark", told_as(funding_rate=None))),
    ("test_settings_that_a_person_has_changed_are_read", answers("fetch_settings", told_as(leverage=5))),
    ("test_a_triggered_stop_closes_the_position_under_its_own_name", renames_fills_of_stops),
    (
        "test_a_stop_beyond_the_price_is_refused_as_triggering_at_once",
        reason("place_stops", RefusalReason.WOULD_TRIGGER),
    ),
    ("test_two_stops_of_a_position_are_as_the_connector_says", fixed("allows_two_stops", True)),
    ("test_a_stop_whose_answer_is_lost_is_unknown_and_found", outcomes("place_stops", unknown_is("", rejected))),
    ("test_a_stop_rests_apart_from_orders_until_it_is_cancelled", outcomes("cancel_stops", rejected)),
)
