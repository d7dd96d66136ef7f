"""Orders of a venue whose gateway answers before its book: batches, and one of three outcomes for each order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs
import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue import Answer, OrderClient

from .ore import OreOrders, Venue, client_of, said

pytestmark = pytest.mark.anyio

EXIT = Slot(OrderKind.TAKE_PROFIT, Side.SELL)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Limits are of seconds."""
    return virtual_time


@pytest.fixture
async def venue() -> Venue:
    """A venue whose time is known."""
    return Venue(LoopClock())


def order(number: int, slot: Slot | None = None, **values: Any) -> NewOrder:
    """An order with this number as its id."""
    usual: dict[str, Any] = {"lots": 5, "ticks": 10, "type": OrderType.LIMIT}

    return NewOrder(client_id=str(number), slot=slot or Slot(OrderKind.QUOTE, Side.BUY, number), **usual | values)


async def place(venue: Venue, instrument: Instrument, answer: Any, numbers: Sequence[int] = (1, 2, 3)) -> list[Outcome]:
    """The outcomes of placing these orders in one request with this answer."""
    venue.answers["/orders"] = answer
    client = OrderClient(client_of(venue), OreOrders())

    return list(await client.place(instrument, [order(number) for number in numbers]))


def asked(venue: Venue) -> list[list[int]]:
    """The ids of each request."""
    return sorted(json.loads(one.body)["ids"] for one in venue.asked if one.target == b"/orders")


def kinds(outcomes: Sequence[Outcome]) -> list[type]:
    """What they are."""
    return [type(outcome) for outcome in outcomes]


# --- batches


async def test_orders_go_out_in_batches_and_exits_apart(venue: Venue, instrument: Instrument) -> None:
    """Whatever their order; outcomes come in the order of the call."""

    def answer(request: Any) -> Any:
        return said({"rows": [{"id": number} for number in json.loads(request.body)["ids"]]})

    venue.answers["/orders"] = answer
    client = OrderClient(client_of(venue), OreOrders())
    orders = [order(1), order(2, EXIT), order(3), order(4), order(5)]
    outcomes = await client.place(instrument, orders)

    assert asked(venue) == [[1, 3, 4], [2], [5]]
    assert [outcome.client_id for outcome in outcomes] == ["1", "2", "3", "4", "5"]
    assert kinds(outcomes) == [Accepted] * 5
    assert client.names.client_id("u3") == "3"


async def test_urgent_cancels_go_apart_from_those_that_can_wait(venue: Venue, instrument: Instrument) -> None:
    """By twos."""
    venue.answers["/orders"] = {"rows": []}
    client = OrderClient(client_of(venue), OreOrders())
    await client.cancel(instrument, [CancelOrder(client_id=str(one), urgent=one % 2 == 1) for one in range(1, 6)])

    assert asked(venue) == [[1, 3], [2, 4], [5]]


async def test_nothing_is_sent_for_nothing(venue: Venue, instrument: Instrument) -> None:
    """No orders, no request."""
    assert await place(venue, instrument, {}, ()) == []
    assert venue.asked == []


async def test_an_exit_uses_the_reserve_and_a_quote_is_refused_unsent(venue: Venue, instrument: Instrument) -> None:
    """The refusal says how long the venue takes nothing."""
    venue.answers["/orders"] = {"rows": [{"id": 1}]}
    client = OrderClient(client_of(venue), OreOrders())

    for _ in range(8):
        await client.place(instrument, [order(1)])

    (refused,) = await client.place(instrument, [order(1)])
    (taken,) = await client.place(instrument, [order(1, EXIT)])

    assert isinstance(refused, Rejected)
    assert refused.refusal.reason is RefusalReason.RATE_LIMIT
    assert refused.refusal.retry_after_s == pytest.approx(10.0)
    assert isinstance(taken, Accepted)


# --- what an answer proves


async def test_each_order_is_known_by_its_id(venue: Venue, instrument: Instrument) -> None:
    """In a list of another order too; the report comes along."""
    first, second, third = await place(venue, instrument, {"rows": [{"id": 3}, {"id": 1}, {"id": 2}]})

    assert kinds([first, second, third]) == [Accepted] * 3
    assert isinstance(second, Accepted)
    assert (second.venue_id, second.venue_ms) == ("u2", 7)
    assert second.report is not None


async def test_a_no_counts_by_its_place_while_the_list_is_whole(venue: Venue, instrument: Instrument) -> None:
    """In a list that is short, or in which an order stands where another should, it is nobody's."""
    whole = await place(venue, instrument, {"rows": [{"id": 1}, {"no": 5}, {"no": 9}]})
    short = await place(venue, instrument, {"rows": [{"id": 1}, {"no": 5}]})
    shuffled = await place(venue, instrument, {"rows": [{"id": 2}, {"no": 5}, {"id": 3}]})

    assert kinds(whole) == [Accepted, Rejected, Unknown]
    assert isinstance(whole[1], Rejected)
    assert (whole[1].refusal.reason, whole[1].refusal.code) == (RefusalReason.INSUFFICIENT_MARGIN, "5")
    assert kinds(short) == [Accepted, Unknown, Unknown]
    assert kinds(shuffled) == [Unknown, Accepted, Accepted]


@pytest.mark.parametrize(
    ("row", "by_gateway"), [({"yes": 1, "gateway": 1}, True), ({"yes": None, "gateway": 1}, True), ({"yes": 1}, False)]
)
async def test_a_yes_without_an_order_is_of_the_gateway_or_of_the_venue(
    venue: Venue, instrument: Instrument, row: dict[str, Any], *, by_gateway: bool
) -> None:
    """By id or by place; the fence of the request comes along."""
    (outcome,) = await place(venue, instrument, {"rows": [{**row, "uid": "v1"}]}, [1])

    assert outcome == Accepted(client_id="1", venue_id="v1", by_gateway=by_gateway, fence_at=30.0)


async def test_a_yes_to_another_order_is_none_to_ours(venue: Venue, instrument: Instrument) -> None:
    """Nor is an order between two lots one that was sent."""
    assert kinds(await place(venue, instrument, {"rows": [{"yes": 2}]}, [1])) == [Unknown]
    assert kinds(await place(venue, instrument, {"rows": [{"id": 1, "lots": None}]}, [1])) == [Unknown]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"code": 5, "text": "poor"}, Rejected),
        ({"code": 9, "text": "hm"}, Unknown),
        (said(b"<html>", 403), Unknown),
        (said(b"<html>"), Unknown),
        ({"rows": [{}, {}, {}]}, Unknown),
        (httpx.ReadTimeout("silent"), Unknown),
        (httpx.ConnectError("nobody"), Rejected),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (said({"code": 5}, 503), Unknown),
                ({}, Unknown),
            )
        ),
    ],
)
async def test_a_whole_batch_is_refused_only_with_proof(
    venue: Venue, instrument: Instrument, answer: Any, kind: type
) -> None:
    """Everything else leaves each order unknown since it was signed, until its fence."""
    signed_at = venue.clock.now()
    outcomes = await place(venue, instrument, answer)

    assert kinds(outcomes) == [kind] * 3
    assert [outcome.client_id for outcome in outcomes] == ["1", "2", "3"]
    assert all(
        (outcome.signed_at, outcome.fence_at) == (signed_at, 30.0)
        for outcome in outcomes
        if isinstance(outcome, Unknown)
    )


async def test_an_order_that_was_never_sent_is_refused_for_its_reason(venue: Venue, instrument: Instrument) -> None:
    """Without a key it is the key."""
    client = OrderClient(client_of(venue, None), OreOrders())
    (outcome,) = await client.place(instrument, [order(1)])

    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.AUTHENTICATION


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("cancelled", Accepted),
        ("open", Unknown),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("filled", Accepted),
                ("unknown", Unknown),
            )
        ),
    ],
)
async def test_a_cancel_is_done_once_the_order_is_final(
    venue: Venue, instrument: Instrument, status: str, kind: type
) -> None:
    """An order that still rests may still fill."""
    venue.answers["/orders"] = {"rows": [{"id": 1, "status": status}]}
    (outcome,) = await OrderClient(client_of(venue), OreOrders()).cancel(instrument, [CancelOrder(client_id="1")])

    assert isinstance(outcome, kind)
    assert not isinstance(outcome, Unknown) or outcome.detail.startswith("asked to cancel, Ore Exchange shows")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"ticks": 12, "lots": 6}, Accepted),
        ({"ticks": 10, "lots": 6}, Unknown),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"ticks": 12, "lots": 5}, Unknown),
                ({"ticks": 10, "status": "cancelled"}, Accepted),
                ({"ticks": 10, "status": "filled"}, Accepted),
            )
        ),
    ],
)
async def test_an_amend_is_done_once_the_order_is_as_it_was_to_be_or_over(
    venue: Venue, instrument: Instrument, row: dict[str, Any], kind: type
) -> None:
    """As it was proves nothing: the amend may be on its way."""
    venue.answers["/orders"] = {"rows": [{"id": 1, **row}]}
    amend = AmendOrder(order=order(1, ticks=12, lots=6), venue_id=None, number=1)
    (outcome,) = await OrderClient(client_of(venue), OreOrders()).amend(instrument, [amend])

    assert isinstance(outcome, kind)
    assert json.loads(venue.asked[-1].body)["rows"] == [[1, 12, 6]]


async def test_a_cancel_is_sent_again_with_the_right_time_and_an_order_is_not(
    venue: Venue, instrument: Instrument
) -> None:
    """A second order may be a second order."""
    client = OrderClient(client_of(venue), OreOrders())
    venue.answers["/orders"] = [{"code": 1}, {"rows": [{"yes": 1}]}]
    (gone,) = await client.cancel(instrument, [CancelOrder(client_id="1")])
    venue.answers["/orders"] = [{"code": 1}, {"rows": [{"id": 1}]}]
    (refused,) = await client.place(instrument, [order(1)])

    assert isinstance(gone, Accepted)
    assert isinstance(refused, Rejected)
    assert refused.refusal.reason is RefusalReason.TIMESTAMP


async def test_a_gateway_s_yes_to_an_amend_or_a_cancel_proves_nothing_either(
    venue: Venue, instrument: Instrument
) -> None:
    """Whether by id or by place; the venue's own fence holds."""
    client = OrderClient(client_of(venue), OreOrders())
    venue.answers["/orders"] = {"rows": [{"yes": 1, "gateway": 1}, {"yes": None, "gateway": 1}]}
    amends = [AmendOrder(order=order(number, ticks=12), venue_id=None, number=1) for number in (1, 2)]
    cancels = [CancelOrder(client_id=str(number)) for number in (1, 2)]
    yes = [Accepted(client_id=str(number), by_gateway=True) for number in (1, 2)]

    assert await client.amend(instrument, amends) == yes
    assert await client.cancel(instrument, cancels) == yes


@attrs.frozen
class OreStops(OreOrders):
    """Stops, each alone; a cancelled one is answered with a yes that repeats nothing."""

    most_placed: int = 1
    most_cancelled: int = 1


async def test_stops_are_orders_of_a_dialect_of_their_own(venue: Venue, instrument: Instrument) -> None:
    """Sized or not: the dialect writes what the venue wants. They are urgent, being exits."""
    venue.answers["/orders"] = [{"rows": [{"yes": None, "uid": "p1"}]}]
    client = OrderClient(client_of(venue), OreStops())
    stops = [
        order(number, Slot(OrderKind.VENUE_STOP, Side.SELL, number), type=OrderType.VENUE_STOP, whole=number == 1)
        for number in (1, 2)
    ]
    outcomes = await client.place(instrument, stops)

    assert outcomes == [Accepted(client_id=str(number), venue_id="p1", fence_at=30.0) for number in (1, 2)]
    assert asked(venue) == [[1], [2]]


class Still:
    """The words of orders that are never moved."""

    most_placed = most_cancelled = 1

    def __init__(self) -> None:
        words = OreOrders()
        self.place, self.cancel, self.read = words.place, words.cancel, words.read


async def test_a_dialect_without_amends_moves_nothing(venue: Venue, instrument: Instrument) -> None:
    """Nothing is sent; a connector without amends does not offer them."""
    amend = AmendOrder(order=order(1, ticks=12, lots=6), venue_id=None, number=1)

    with pytest.raises(TypeError, match="Ore Exchange moves no such orders"):
        await OrderClient(client_of(venue), Still()).amend(instrument, [amend])

    assert venue.paths() == []


async def test_commands_go_whichever_way_the_sender_knows(venue: Venue, instrument: Instrument) -> None:
    """Orders need no HTTP: an answer that came another way is read like any other."""

    @attrs.frozen
    class Shortcut:
        """Another way to the venue, which has its own answer."""

        venue: str = "Ore Exchange"
        asked: list[bool] = attrs.field(factory=list)

        async def send(self, _endpoint: Any, _parameters: Any, *, urgent: bool = False) -> Answer:
            self.asked.append(urgent)

            return Answer(status=200, body=b'{"rows": [{"id": 1}]}', signed_at=0.0)

    shortcut = Shortcut()
    (outcome,) = await OrderClient(shortcut, OreOrders()).place(instrument, [order(1, EXIT)])
    assert (type(outcome), shortcut.asked, venue.asked) == (Accepted, [True], [])
