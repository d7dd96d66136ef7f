"""The contract suite finds what it is for: each broken connector fails the test that is named, and no other."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.connector.interface import ConnectorContext, EventReceiver
from perpmaker.errors import ConnectivityError, PayloadError, RefusedError, UnknownMarketError
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    Channel,
    Event,
    FundingPaid,
    MarkChanged,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    Traded,
)
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import (
    Accepted,
    CancelCause,
    OrderStatus,
    PositionMode,
    PositionSide,
    RefusalReason,
    Unknown,
)
from perpmaker.model.position import MarginMode
from perpmaker.testing.contract import ConnectorContract
from perpmaker.testing.virtual import virtual_asyncio
from perpmaker.venue import LostAnswerError
from perpmaker_binance_perpetual import register_derivative_connectors

from .broken import (
    Break,
    ChangedReceiver,
    answers,
    events,
    evolved,
    fixed,
    instead,
    outcomes,
    reason,
    rejected,
    without,
    wrap_receivers,
)

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)
(SOUND,) = DECLARED

TESTS = sorted(name for name in dir(ConnectorContract) if name.startswith("test_"))


# --- orders and outcomes ----------------------------------------------------------------------------------------------


def knows_only_what_it_placed(method: str) -> Break:
    """Raise where an order is meant that was never placed."""

    def break_(connector: Any) -> None:
        known, place, asked = set[str](), connector.place, getattr(connector, method)

        async def placing(instrument: Any, orders: Any) -> Any:
            known.update(order.client_id for order in orders)

            return await place(instrument, orders)

        async def asking(instrument: Any, orders: Any, *others: Any) -> Any:
            ids = [orders] if isinstance(orders, str) else [order.client_id for order in orders]

            if not known.issuperset(ids):
                raise RefusedError("there is no such order")

            return await asked(instrument, orders, *others)

        connector.place = placing
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


ORDERS: Sequence[tuple[str, Break]] = (
    (
        "test_placed_orders_are_reported_once",
        events(lambda event: (event, event) if isinstance(event, OrderReported) else (event,)),
    ),
    ("test_an_order_rests_as_it_was_asked", answers("fetch_open_orders", lambda found, *_: found[:1])),
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


# --- streams ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class Endless:
    """A receiver that waits for ever where its stream has ended."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive, or wait."""
        try:
            return await self.inner.receive()
        except ConnectivityError:
            await anyio.sleep_forever()

        return ()


@attrs.frozen
class Forgetful:
    """A receiver that loses what it has received when it is cancelled."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive, and think about it."""
        found = await self.inner.receive()
        await anyio.sleep(0.03)

        return found


@attrs.frozen
class Fragile:
    """A receiver that stops the program at a message which it does not understand."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive."""
        try:
            return await self.inner.receive()
        except ConnectivityError as error:
            if "understood" in str(error):
                raise ValueError("not JSON") from error

            raise


def deaf_after_a_reconnect(connector: Any) -> None:
    """The account's stream says nothing when it is opened for the second time."""
    opened: list[EventReceiver] = []

    def wrap(receiver: EventReceiver) -> EventReceiver:
        opened.append(receiver)

        return ChangedReceiver(receiver, lambda event: (event,) if len(opened) == 1 else ())

    wrap_receivers(connector, wrap, Channel.ACCOUNT)


def stops_at_what_is_foreign(event: Event) -> Sequence[Event]:
    """A report of an order that is not ours is an error."""
    if isinstance(event, OrderReported) and event.report.client_id.startswith("byHand"):
        raise PayloadError("whose order is that?")

    return (event,)


def never_removed(levels: Any) -> Any:
    """Levels that are gone stay."""
    return tuple((ticks, lots) for ticks, lots in levels if lots)


STREAMS: Sequence[tuple[str, Break]] = (
    ("test_every_channel_has_one_feed", instead("feeds", lambda _, feeds: lambda one: [*feeds(one), feeds(one)[1]])),
    (
        "test_the_book_begins_with_a_snapshot_and_follows_the_venue",
        evolved(BookChanged, bids=lambda book: never_removed(book.bids), asks=lambda book: never_removed(book.asks)),
    ),
    ("test_a_gap_is_raised_and_not_patched", without(BookLost)),
    (
        "test_the_mark_price_and_funding_are_the_venues",
        evolved(MarkChanged, next_funding_ms=lambda mark: mark.next_funding_ms + 1),
    ),
    ("test_trades_are_told_once", evolved(Traded, taker=lambda trade: trade.taker.opposite)),
    ("test_a_stream_that_ends_is_raised", lambda connector: wrap_receivers(connector, Endless)),
    ("test_messages_that_make_no_sense_stop_nothing", lambda connector: wrap_receivers(connector, Fragile)),
    ("test_reconnection_resyncs", deaf_after_a_reconnect),
    ("test_waiting_for_events_can_be_given_up", lambda connector: wrap_receivers(connector, Forgetful)),
    ("test_a_persons_orders_are_shown_and_are_not_ours", events(stops_at_what_is_foreign)),
)


# --- the account, limits and abilities --------------------------------------------------------------------------------


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


def strict_about_rows(connector: Any) -> None:
    """A row that is not understood stops the list of open orders."""
    fetch, skipped = connector.fetch_open_orders, connector._reader.skipped

    async def fetching(instrument: Any) -> Any:
        before = sum(skipped.values())
        found = await fetch(instrument)

        if sum(skipped.values()) > before:
            raise PayloadError("a row that makes no sense")

        return found

    connector.fetch_open_orders = fetching


def writes_its_secret(connector: Any) -> None:
    """The log shows what requests are signed with."""
    assert SOUND.sandbox is not None
    logging.getLogger(connector.name).debug("signing with %s", SOUND.sandbox().keys.api_secret)


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
    ("test_positions_are_the_venues", changed_account(positive)),
    ("test_the_balance_is_the_venues", answers("fetch_account", told_as(available=Decimal(1)))),
    ("test_funding_is_told_with_its_sign", evolved(FundingPaid, amount=lambda paid: -paid.amount)),
    (
        "test_income_is_what_the_venue_has_booked",
        answers("fetch_income", lambda found, *_: [one for one in found if one.kind is not IncomeKind.FEE]),
    ),
    ("test_odd_rows_hide_no_order_of_ours", strict_about_rows),
    ("test_limits_are_obeyed_with_a_reserve_for_cancels", spends_the_reserve),
    ("test_secrets_are_in_no_repr_log_or_error", writes_its_secret),
    ("test_the_key_is_described", answers("fetch_key_rights", told_as(can_trade=False))),
    ("test_the_venues_clock_is_known", fixed("venue_time", lambda _: None)),
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

BROKEN = dict((*ORDERS, *STREAMS, *ACCOUNT))


# --- the proof --------------------------------------------------------------------------------------------------------


def suite_of(break_: Break) -> ConnectorContract:
    """The suite over the sound connector, broken."""

    @asynccontextmanager
    async def opened(settings: Any, context: ConnectorContext) -> AsyncIterator[Any]:
        async with SOUND.open(settings, context) as connector:
            break_(connector)
            yield connector

    broken = {"declaration": attrs.evolve(SOUND, open=opened), "market": "ETH-USDT"}

    return type("Broken", (ConnectorContract,), broken)()


def fails(suite: ConnectorContract, name: str) -> bool:
    """Whether a test of the suite fails; one that is skipped does not."""
    backend, options = virtual_asyncio()

    try:
        anyio.run(getattr(suite, name), backend=backend, backend_options=options)
    except pytest.skip.Exception:
        return False
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  # a broken connector may raise anything
        return True

    return False


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_connector_fails_the_test_of_what_is_broken(name: str, *, full: bool) -> None:
    """With `--full` every other test is seen to pass."""
    suite = suite_of(BROKEN[name])

    assert [test for test in (TESTS if full else [name]) if fails(suite, test)] == [name]
