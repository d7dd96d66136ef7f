"""Stops on the venue: the position's own by `trading-stop`, what it answers, and the conditional order instead."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.connector.interface import CancelOrder
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, PositionMode, PositionSide, Side, Slot, StopTrigger
from perpmaker.model.outcome import Accepted, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker_bybit_perpetual.orders import OrderQuestions
from perpmaker_bybit_perpetual.rest import row_reader
from perpmaker_bybit_perpetual.stops import StopClient

from .clients import Venue, client_of, refused
from .payloads import STOP

pytestmark = pytest.mark.anyio
SET, CREATE, OPEN = "/v5/position/trading-stop", "/v5/order/create", "/v5/order/realtime"
ZERO = refused(10001, "can not set tp/sl/ts for zero position")
NAME = "pm-b-r1-9"


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Pauses are virtual."""
    return virtual_time


def stop(side: Side = Side.SELL, position: PositionSide = PositionSide.NET, **values: Any) -> NewOrder:
    """A stop at 58000."""
    usual: dict[str, Any] = {"client_id": NAME, "lots": 10, "ticks": 580_000, "type": OrderType.VENUE_STOP}

    return NewOrder(**usual | {"slot": Slot(OrderKind.VENUE_STOP, side, 0, position), "reduce_only": True} | values)


def stops_of(venue: Venue) -> StopClient:
    """What places, removes and asks about the stops of a venue."""
    client = client_of(venue)

    return StopClient(client, OrderQuestions(client, row_reader(), lambda: PositionMode.ONE_WAY))


async def test_a_stop_is_that_of_its_position(instrument: Instrument) -> None:
    """For the whole of it, by its index, with the price that fires it always named."""
    venue = Venue({SET: {}})
    stops = stops_of(venue)
    long = stop(position=PositionSide.LONG, trigger=StopTrigger.LAST)
    (net,), _ = [await stops.place_stops(instrument, [one]) for one in (stop(), long)]
    assert net == Accepted(client_id=NAME, by_gateway=True)
    common = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "stopLoss": "58000.0"}
    assert [said for _, said in venue.asked] == [
        common | {"positionIdx": 0, "slTriggerBy": "MarkPrice"},
        common | {"positionIdx": 1, "slTriggerBy": "LastPrice"},
    ]


async def test_bybit_B10_whatever_kind_of_stop_it_is_names_its_trigger(instrument: Instrument) -> None:
    """A position that takes none of its own gets a conditional order, which closes whatever there is by then."""
    venue = Venue({SET: refused(110060, "TP/SL refused"), CREATE: {"orderId": "v", "orderLinkId": NAME}})
    (outcome,) = await stops_of(venue).place_stops(instrument, [stop(Side.BUY, PositionSide.SHORT)])
    assert isinstance(outcome, Accepted)
    assert venue.asked[1] == (
        CREATE,
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Market",
            "qty": "0",
            "positionIdx": 2,
            "orderLinkId": NAME,
            "smpType": "CancelMaker",
            "reduceOnly": True,
            "closeOnTrigger": True,
            "triggerPrice": "58000.0",
            "triggerDirection": 1,
            "triggerBy": "MarkPrice",
        },
    )


async def test_a_stop_waits_for_a_position_that_is_not_shown_yet(instrument: Instrument) -> None:
    """A fill may be ahead of it: again after 0.1, 0.2 and 0.4 s, then it is refused for want of a position."""
    venue = Venue({SET: [ZERO, ZERO, {}]})
    began = anyio.current_time()
    (outcome,) = await stops_of(venue).place_stops(instrument, [stop()])
    assert isinstance(outcome, Accepted)
    assert anyio.current_time() - began == pytest.approx(0.3, abs=0.05)

    venue = Venue({SET: ZERO})
    (outcome,) = await stops_of(venue).place_stops(instrument, [stop()])
    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.REDUCE_ONLY
    assert len(venue.asked) == 4


async def test_a_stop_that_is_set_already_counts_only_if_it_reads_back(instrument: Instrument) -> None:
    """The same code means a missing parameter as well."""
    unchanged = refused(34040, "not modified")
    venue = Venue({SET: unchanged, OPEN: {"list": [STOP]}})
    (there,) = await stops_of(venue).place_stops(instrument, [stop()])
    assert isinstance(there, Accepted)
    assert (there.venue_id, there.by_gateway) == (STOP["orderId"], False)

    for other in ({"triggerPrice": "57000.0"}, {"positionIdx": 1}, {"triggerBy": "LastPrice"}):
        venue = Venue({SET: unchanged, OPEN: {"list": [STOP | other]}})
        (outcome,) = await stops_of(venue).place_stops(instrument, [stop()])
        assert isinstance(outcome, Rejected), other


async def test_a_stop_beyond_the_price_and_one_without_an_answer(instrument: Instrument) -> None:
    """The first would fire at once; of the second nothing is known."""
    passed = refused(10001, "StopLoss:580000000 set for Buy position should lower than base_price:570000000")
    (outcome,) = await stops_of(Venue({SET: passed})).place_stops(instrument, [stop()])
    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.WOULD_TRIGGER

    for body in (refused(10016), b"<html>", b"null"):
        (outcome,) = await stops_of(Venue({SET: body})).place_stops(instrument, [stop()])
        assert isinstance(outcome, Unknown)


async def test_a_stop_is_asked_for_by_what_is_known_of_it(instrument: Instrument) -> None:
    """By the venue's id; before that is known it is the one that rests as it was asked for; else by our own id."""
    venue = Venue({SET: {}, OPEN: lambda said: {"list": [STOP] if "orderLinkId" not in said else []}})
    stops = stops_of(venue)
    assert await stops.fetch_stop(instrument, NAME) is None  # nobody has asked for it
    await stops.place_stops(instrument, [stop()])
    found = await stops.fetch_stop(instrument, NAME)
    assert found is not None
    assert (found.venue_id, found.of_position) == (STOP["orderId"], True)
    await stops.fetch_stop(instrument, NAME, STOP["orderId"])
    assert venue.asked[-1][1]["orderId"] == STOP["orderId"]


async def test_a_stop_is_removed_only_while_it_is_its_positions(instrument: Instrument) -> None:
    """The removal names a position: where a newer stop has taken the place of this one, nothing is removed."""
    venue = Venue({SET: {}, OPEN: {"list": [STOP]}})
    (gone,) = await stops_of(venue).cancel_stops(instrument, [CancelOrder(client_id=NAME, venue_id=STOP["orderId"])])
    assert isinstance(gone, Accepted)
    assert (venue.asked[-1][1]["stopLoss"], venue.asked[-1][1]["positionIdx"]) == ("0", 0)

    for status in ("Cancelled", "Triggered"):
        venue = Venue({SET: {}, OPEN: {"list": [STOP | {"orderStatus": status}]}})
        cancel = CancelOrder(client_id=NAME, venue_id=STOP["orderId"])
        (outcome,) = await stops_of(venue).cancel_stops(instrument, [cancel])
        assert isinstance(outcome, Rejected)
        assert outcome.refusal.reason is RefusalReason.NOT_FOUND
        assert SET not in venue.paths()


@pytest.mark.parametrize("level", [580_000, 590_000])
async def test_a_newer_stop_is_not_removed_with_the_one_whose_place_it_took(instrument: Instrument, level: int) -> None:
    """The venue may keep the id where only the level has changed, and the removal names no id."""
    venue = Venue({SET: {}, OPEN: {"list": [STOP]}})
    stops, cancel = stops_of(venue), CancelOrder(client_id=NAME, venue_id=STOP["orderId"])
    await stops.place_stops(instrument, [stop()])
    venue.answers[OPEN] = {"list": [STOP | {"triggerPrice": f"{level / 10}"}]}
    await stops.place_stops(instrument, [stop(client_id="pm-b-r1-10", ticks=level)])
    (outcome,) = await stops.cancel_stops(instrument, [cancel])
    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.NOT_FOUND
    assert venue.paths().count(SET) == 2

    (newer,) = await stops.cancel_stops(instrument, [CancelOrder(client_id="pm-b-r1-10", venue_id=STOP["orderId"])])
    assert isinstance(newer, Accepted)


async def test_a_stop_that_was_refused_takes_nobodys_place(instrument: Instrument) -> None:
    """The one before is still there, and may be removed."""
    passed = refused(10001, "StopLoss:590000000 set for Buy position should lower than base_price:570000000")
    venue = Venue({SET: [{}, passed, {}], OPEN: {"list": [STOP]}})
    stops = stops_of(venue)
    await stops.place_stops(instrument, [stop()])
    await stops.place_stops(instrument, [stop(client_id="pm-b-r1-10", ticks=590_000)])
    (gone,) = await stops.cancel_stops(instrument, [CancelOrder(client_id=NAME, venue_id=STOP["orderId"])])
    assert isinstance(gone, Accepted)


async def test_a_conditional_order_of_ours_is_cancelled_by_its_own_id(instrument: Instrument) -> None:
    """It is an order like any other."""
    conditional = STOP | {"orderLinkId": NAME, "stopOrderType": "Stop", "createType": "CreateByStopOrder"}
    venue = Venue({OPEN: {"list": [conditional]}, "/v5/order/cancel": {"orderId": "v", "orderLinkId": NAME}})
    stops = stops_of(venue)
    (listed,) = await stops.fetch_open_stops(instrument)
    await stops.cancel_stops(instrument, [CancelOrder(client_id=NAME)])
    assert (listed.client_id, listed.of_position, listed.type) == (NAME, False, OrderType.VENUE_STOP)
    assert venue.asked[-1] == (
        "/v5/order/cancel",
        {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": NAME},
    )


async def test_a_conditional_order_beside_it_takes_nobodys_place(instrument: Instrument) -> None:
    """The position takes no newer stop of its own: its old one is still there, and is taken off when that is asked."""
    none = refused(110058, "Can not set TP/SL")
    venue = Venue({SET: [{}, none, {}], CREATE: {"orderId": "v", "orderLinkId": "pm-b-r1-10"}, OPEN: {"list": [STOP]}})
    stops = stops_of(venue)
    await stops.place_stops(instrument, [stop()])
    (placed,) = await stops.place_stops(instrument, [stop(client_id="pm-b-r1-10", ticks=590_000)])
    assert (isinstance(placed, Accepted), venue.paths().count(CREATE)) == (True, 1)
    (gone,) = await stops.cancel_stops(instrument, [CancelOrder(client_id=NAME, venue_id=STOP["orderId"])])
    assert isinstance(gone, Accepted)
