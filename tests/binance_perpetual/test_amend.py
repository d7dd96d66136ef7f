"""Amends on Binance: what is sent, what each answer proves, and the rules of the venue against its own sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import attrs
import msgspec
import pytest

from perpmaker.connector.abilities import Amending
from perpmaker.connector.interface import AmendOrder
from perpmaker.errors import RateLimitedError
from perpmaker.model.event import Channel, OrderAmended, OrderCancelled
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderStatus, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue import amended
from perpmaker_binance_perpetual import rest as endpoints
from perpmaker_binance_perpetual.orders import OrderWords, amend_parameters

from .test_fault import Room, open_room, place
from .test_outcome import answer, order, outcomes_of, refused
from .test_rest import ORDER, open_rest
from .test_translate import streamed

PATH = "/fapi/v1/order"
BATCH = "/fapi/v1/batchOrders"
MOVED = NewOrder(client_id="a", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=20, ticks=590_000, type=OrderType.POST_ONLY)
AS_MOVED = {"price": "59000.00", "origQty": "0.020"}


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Fences and windows pass: virtual time."""
    return virtual_time


# --- what is sent


def test_a_batch_of_amends_is_written_as_the_venue_wants_it(instrument: Instrument) -> None:
    """In one parameter, as JSON without spaces."""
    amends = [amend_of(MOVED), amend_of(MOVED, 2)]
    command = OrderWords().amend(instrument, amends)

    assert command.endpoint is endpoints.MODIFY_BATCH
    assert command.parameters == {
        "batchOrders": '[{"symbol":"BTCUSDT","side":"BUY","quantity":"0.020","price":"59000.0",'
        '"origClientOrderId":"a","modifyId":1},{"symbol":"BTCUSDT","side":"BUY","quantity":"0.020",'
        '"price":"59000.0","origClientOrderId":"a","modifyId":2}]'
    }


def test_an_amend_names_side_price_and_total_and_the_order_by_our_id(instrument: Instrument) -> None:
    """Both price and amount must be sent; self-match prevention cannot be."""
    assert amend_parameters(instrument, MOVED, 3) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.020",
        "price": "59000.0",
        "origClientOrderId": "a",
        "modifyId": 3,
    }


@pytest.mark.anyio
async def test_one_is_sent_alone_and_several_as_a_batch() -> None:
    """Each counts as new orders do."""
    async with open_rest() as (rest, router):
        single = router.put(PATH).respond(json=ORDER)
        batch = router.put(BATCH).respond(json=[ORDER])
        await rest.send(endpoints.MODIFY, {"modifyId": 1})
        await rest.send(endpoints.MODIFY_BATCH, {"batchOrders": '[{"modifyId":1},{"modifyId":2}]'})

    assert "modifyId=1&" in str(single.calls.last.request.url)
    assert batch.calls.last.request.url.params["batchOrders"] == '[{"modifyId":1},{"modifyId":2}]'


@pytest.mark.anyio
async def test_amends_leave_the_reserve_to_exits_and_cancels() -> None:
    """Four fifths of the venue's count are for them and for quotes."""
    async with open_rest() as (rest, router):
        await rest.measure_clock()
        route = router.put(BATCH).respond(json=[])

        for _ in range(48):
            await rest.send(endpoints.MODIFY_BATCH, {"batchOrders": "[]"})

        with pytest.raises(RateLimitedError, match="budget"):
            await rest.send(endpoints.MODIFY_BATCH, {"batchOrders": "[]"})

    assert route.call_count == 48


# --- what an answer proves


def single(body: Any, instrument: Instrument, status: int = 200) -> Outcome:
    """The outcome of the amend."""
    return outcomes_of(answer(body, status), "a", instrument, amended([MOVED]))[0]


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED"])
def test_the_order_as_it_was_to_be_is_accepted(instrument: Instrument, status: str) -> None:
    """With the order as it rests now."""
    outcome = single(order(**AS_MOVED, status=status), instrument)

    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert (outcome.report.ticks, outcome.report.lots) == (590_000, 20)


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED", "FILLED"])
def test_an_order_that_the_amend_has_ended_is_accepted_as_it_is(instrument: Instrument, status: str) -> None:
    """A post-only order that would have taken, or a total that was filled already; whatever its price."""
    outcome = single(order(status=status), instrument)

    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert outcome.report.status is not None
    assert outcome.report.status.is_final


@pytest.mark.parametrize("values", [{}, {**AS_MOVED, "status": "NEW_ADL"}, {**AS_MOVED, "price": "59000.10"}])
def test_an_order_that_is_shown_otherwise_proves_nothing(instrument: Instrument, values: dict[str, Any]) -> None:
    """As it was, in a status that is not known, or at another price."""
    assert isinstance(single(order(**values), instrument), Unknown)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-5027, RefusalReason.UNCHANGED),
        (-4016, RefusalReason.PRICE_BAND),
        (-5047, RefusalReason.OTHER),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (-5043, RefusalReason.AMEND_PENDING),
                (-2013, RefusalReason.NOT_FOUND),
                (-2011, RefusalReason.NOT_FOUND),
                (-5022, RefusalReason.POST_ONLY_WOULD_TAKE),
                (-5029, RefusalReason.FILTER),
                (-4014, RefusalReason.FILTER),
                (-2019, RefusalReason.INSUFFICIENT_MARGIN),
                (-5028, RefusalReason.TIMESTAMP),
                (-5024, RefusalReason.OTHER),
                (-5025, RefusalReason.OTHER),
                (-5026, RefusalReason.OTHER),
            )
        ),
    ],
)
def test_a_refusal_says_why_the_order_stays(instrument: Instrument, code: int, reason: RefusalReason) -> None:
    """Each of the venue's codes on amends is certain."""
    outcome = single(refused(code), instrument, 400)

    assert isinstance(outcome, Rejected)
    assert (outcome.refusal.reason, outcome.refusal.code) == (reason, str(code))


@pytest.mark.parametrize(
    ("status", "body"), [(503, b"<html>"), (500, refused(-1000)), (400, refused(-1007)), (200, b"")]
)
def test_F11_what_proves_nothing_leaves_the_amend_unknown(instrument: Instrument, status: int, body: Any) -> None:
    """As for new orders."""
    assert isinstance(single(body, instrument, status), Unknown)


def test_F10_each_of_a_batch_has_its_own_outcome(instrument: Instrument) -> None:
    """Made, refused, and left out of a list that is too short for refusals to count."""
    orders = [attrs.evolve(MOVED, client_id=name) for name in "abc"]

    def outcomes(body: Any) -> list[type]:
        found: Sequence[Outcome] = outcomes_of(answer(body), "abc", instrument, amended(orders))

        return [type(outcome) for outcome in found]

    assert outcomes([order("a", **AS_MOVED), refused(-5027), order("c", **AS_MOVED)]) == [Accepted, Rejected, Accepted]
    assert outcomes([order("c", **AS_MOVED), refused(-5027)]) == [Unknown, Unknown, Accepted]


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("7", 7),
        ("9" * 30, 0),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (7, 7),
                ("", 0),
                ("x", 0),
            )
        ),
    ],
)
def test_the_stream_tells_which_amend_was_made(instrument: Instrument, word: Any, number: int) -> None:
    """`M` is a text where it is there, and no number of ours where it is none."""
    (event,) = streamed(instrument, x="AMENDMENT", X="NEW", p="60001.00", q="0.020", l="0", z="0", M=word)

    assert isinstance(event, OrderAmended)
    assert event.number == number


# --- the venue's rules


def amend_of(order: NewOrder, number: int = 1, **changes: Any) -> AmendOrder:
    """An amend that changes this of an order."""
    return AmendOrder(order=attrs.evolve(order, **changes), venue_id=None, number=number)


async def resting(room: Room) -> dict[str, tuple[int | None, int | None]]:
    """Price and amount of what rests, by client id."""
    reports = await room.connector.fetch_open_orders(room.instrument)

    return {report.client_id: (report.ticks, report.lots) for report in reports}


@pytest.mark.anyio
async def test_resting_orders_are_moved_five_in_a_batch() -> None:
    """Seven orders are two requests; ids stay, and the stream tells each amend by its number."""
    async with open_room() as room:
        assert isinstance(room.connector, Amending)
        orders = [room.quote(number) for number in range(7)]
        await place(room, *orders)

        async with room.feed(Channel.ACCOUNT).open() as receiver:
            amends = [amend_of(one, 4, ticks=(one.ticks or 0) - 100, lots=12) for one in orders]
            outcomes = await room.connector.amend(room.instrument, amends)
            told: list[OrderAmended] = []

            with anyio.fail_after(5):
                while len(told) < len(orders):
                    told += [event for event in await receiver.receive() if isinstance(event, OrderAmended)]

        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert [outcome.client_id for outcome in outcomes] == [one.client_id for one in orders]
        assert await resting(room) == {one.client_id: ((one.ticks or 0) - 100, 12) for one in orders}
        assert {(event.client_id, event.number) for event in told} == {(one.client_id, 4) for one in orders}


@pytest.mark.anyio
async def test_an_order_that_would_take_is_cancelled_by_its_amend() -> None:
    """The answer shows it gone; the stream does not say why, so that the core must know."""
    async with open_room() as room:
        order = room.quote()
        await place(room, order)

        async with room.feed(Channel.ACCOUNT).open() as receiver:
            (outcome,) = await room.connector.amend(room.instrument, [amend_of(order, ticks=room.bid + 5_000)])
            assert isinstance(outcome, Accepted)
            assert outcome.report is not None
            assert outcome.report.status is OrderStatus.CANCELLED

            with anyio.fail_after(5):
                while not (gone := [one for one in await receiver.receive() if isinstance(one, OrderCancelled)]):
                    pass

        assert gone[0].cause is CancelCause.UNEXPLAINED
        assert await resting(room) == {}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, RefusalReason.UNCHANGED),
        ({"client_id": "pm-f-1-77"}, RefusalReason.NOT_FOUND),
        ({"lots": 1, "ticks": 300_000}, RefusalReason.FILTER),
        ({"ticks": 900_000}, RefusalReason.PRICE_BAND),
        ({"lots": 10_000_000}, RefusalReason.FILTER),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (({"slot": Slot(OrderKind.QUOTE, Side.SELL)}, RefusalReason.NOT_FOUND),)
        ),
    ],
    ids=["the same", "unknown", "too little", "outside the band", "too much", "other side"],
)
async def test_a_refused_amend_leaves_the_order_alone(changes: dict[str, Any], reason: RefusalReason) -> None:
    """Whatever is wrong with it."""
    async with open_room() as room:
        order = room.quote()
        await place(room, order)
        (outcome,) = await room.connector.amend(room.instrument, [amend_of(order, **changes)])

        assert isinstance(outcome, Rejected), outcome
        assert outcome.refusal.reason is reason
        assert await resting(room) == {order.client_id: (order.ticks, order.lots)}


@pytest.mark.anyio
async def test_while_one_amend_is_on_its_way_the_venue_takes_no_second() -> None:
    """The first one is made."""
    async with open_room(late_match_ms=300) as room:
        order = room.quote()
        await place(room, order)
        outcomes: dict[int, Outcome] = {}

        async def send(number: int) -> None:
            await anyio.sleep(number / 100)
            amend = amend_of(order, number, ticks=(order.ticks or 0) - number)
            outcomes[number] = (await room.connector.amend(room.instrument, [amend]))[0]

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, 1)
            tasks.start_soon(send, 2)

        second = outcomes[2]
        assert isinstance(outcomes[1], Accepted)
        assert isinstance(second, Rejected)
        assert (second.refusal.reason, second.refusal.code) == (RefusalReason.AMEND_PENDING, "-5043")
        assert (await resting(room))[order.client_id] == ((order.ticks or 0) - 1, order.lots)


@pytest.mark.anyio
async def test_F04_an_amend_that_is_lost_before_the_venue_is_unknown_and_never_made() -> None:
    """It is sent once."""
    async with open_room() as room:
        order = room.quote()
        await place(room, order)
        room.fault(act="drop", when="before", method="PUT", path=PATH)
        (outcome,) = await room.connector.amend(room.instrument, [amend_of(order, lots=12)])

        assert isinstance(outcome, Unknown)
        assert await resting(room) == {order.client_id: (order.ticks, order.lots)}


@pytest.mark.anyio
async def test_F05_an_amend_whose_answer_is_lost_is_unknown_and_made() -> None:
    """A question about the order shows it."""
    async with open_room() as room:
        order = room.quote()
        await place(room, order)
        room.fault(act="drop", when="after", method="PUT", path=PATH)
        (outcome,) = await room.connector.amend(room.instrument, [amend_of(order, lots=12)])

        assert isinstance(outcome, Unknown)
        report = await room.connector.fetch_order(room.instrument, order.client_id, None)
        assert report is not None
        assert (report.ticks, report.lots) == (order.ticks, 12)


@pytest.mark.anyio
async def test_F06_an_amend_that_arrives_after_its_window_is_not_made() -> None:
    """So that the order as it is past the fence is proof."""
    async with open_room() as room:
        order = room.quote()
        await place(room, order)
        room.fault(act="delay", when="before", arg=5.0, method="PUT", path=PATH)
        (outcome,) = await room.connector.amend(room.instrument, [amend_of(order, lots=12)])
        assert isinstance(outcome, Unknown)

        await anyio.sleep(10)
        assert await resting(room) == {order.client_id: (order.ticks, order.lots)}


@pytest.mark.anyio
async def test_F10_a_lost_batch_makes_all_of_it_unknown() -> None:
    """The other batch of the same call is made."""
    async with open_room() as room:
        orders = [room.quote(number) for number in range(7)]
        await place(room, *orders)
        room.fault(act="drop", when="after", method="PUT", path=BATCH, times=1)
        outcomes = await room.connector.amend(room.instrument, [amend_of(one, lots=12) for one in orders])

        assert {type(outcome) for outcome in outcomes} == {Unknown, Accepted}
        assert {lots for _, lots in (await resting(room)).values()} == {12}


def test_what_the_venue_shows_of_an_amended_order_is_read(instrument: Instrument) -> None:
    """`modifyId` and a prevention mode that is gone stand in the answer, and hinder nothing."""
    body = msgspec.json.encode(order(**AS_MOVED, modifyId=3, selfTradePreventionMode="NONE"))

    assert isinstance(single(body, instrument), Accepted)
