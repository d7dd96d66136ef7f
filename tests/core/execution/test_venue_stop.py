"""Stops that rest on the venue, on their way there: compared, replaced, sent and asked for where they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.abilities import VenueStops
from perpmaker.connector.interface import CancelOrder
from perpmaker.execution.action import Cancel, Place
from perpmaker.execution.diff import Changes, diff, new_order
from perpmaker.execution.dispatch import Dispatcher, Gate
from perpmaker.model.command_event import OrderAccepted, OrderNotFound
from perpmaker.model.event import Event, OrderCancelled
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderReport, OrderStatus, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome
from perpmaker.model.quote import TakeProfit, VenueStop
from perpmaker.model.working_order import WorkingOrder
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.testing.view import make_instrument

GUARD = Slot(OrderKind.VENUE_STOP, Side.SELL)
OLD = VenueStop(slot=GUARD, ticks=9700, lots=5)
NEW = VenueStop(slot=GUARD, ticks=9600, lots=9)
TARGET = TakeProfit(slot=Slot(OrderKind.TAKE_PROFIT, Side.SELL), ticks=10100, lots=5)


def working(want: VenueStop, status: OrderStatus = OrderStatus.OPEN, *, sent_at: float = 0.0) -> WorkingOrder:
    """A stop that was sent for a want."""
    return WorkingOrder(order=new_order(want, f"pm-{want.ticks}-{sent_at}"), status=status, sent_at=sent_at)


def test_a_stop_is_told_from_another_by_its_trigger_alone() -> None:
    """It closes whatever the position is: another amount is no other stop."""
    assert diff([working(OLD)], [attrs.evolve(OLD, lots=50)]) == Changes()
    assert diff([], [OLD]) == Changes(place=(OLD,))
    order = new_order(OLD, "pm-1")
    assert (order.type, order.ticks, order.reduce_only) == (OrderType.VENUE_STOP, 9700, True)


def test_F45_where_two_stops_may_rest_the_new_one_goes_first() -> None:
    """The old one is cancelled only once the new one rests; a new one under way is not sent twice."""
    old, pending, rests = working(OLD), working(NEW, OrderStatus.PENDING, sent_at=1.0), working(NEW, sent_at=1.0)

    assert diff([old], [NEW], two_stops=True) == Changes(place=(NEW,))
    assert diff([old, pending], [NEW], two_stops=True) == Changes()
    assert diff([old, rests], [NEW], two_stops=True) == Changes(cancel=(old,))
    assert diff([rests], [NEW], two_stops=True) == Changes()


def test_F45_where_only_one_may_rest_it_is_moved_over_a_bridge() -> None:
    """A sized stop at the new level, the old one goes, the new one, the bridge goes: never is there none."""
    old, going, bridge = working(OLD), working(OLD, OrderStatus.CANCELLING), attrs.evolve(NEW, whole=False)
    sent, rests = working(bridge, OrderStatus.PENDING, sent_at=1.0), working(bridge, sent_at=1.0)
    new, seen = working(NEW, OrderStatus.PENDING, sent_at=2.0), working(NEW, sent_at=2.0)

    assert diff([old], [NEW]) == Changes(place=(bridge,))
    assert diff([old, sent], [NEW]) == Changes()
    assert diff([old, rests], [NEW]) == Changes(cancel=(old,))
    assert diff([going, rests], [NEW]) == Changes()
    assert diff([rests], [NEW]) == Changes(place=(NEW,))
    assert diff([rests, new], [NEW]) == Changes()
    assert diff([rests, seen], [NEW]) == Changes(cancel=(rests,))
    assert diff([seen], [NEW]) == Changes()


def test_F45_a_stop_whose_answer_is_lost_is_bridged_once() -> None:
    """It may rest, so that a second of its kind would be refused; a lost bridge is waited for."""
    lost, bridge = working(NEW, OrderStatus.UNKNOWN), attrs.evolve(NEW, whole=False)

    assert diff([lost], [NEW]) == Changes(place=(bridge,))
    assert diff([lost, working(bridge, OrderStatus.UNKNOWN, sent_at=1.0)], [NEW]) == Changes()
    assert diff([lost, working(bridge, sent_at=1.0)], [NEW]) == Changes()


def test_F45_a_bridge_that_the_position_has_outgrown_is_no_bridge() -> None:
    """The old stop goes only once the new level is held for the whole position."""
    old, small = working(OLD), working(attrs.evolve(NEW, whole=False, lots=NEW.lots - 1), sent_at=1.0)

    assert diff([old, small], [NEW]) == Changes(place=(attrs.evolve(NEW, whole=False),))


def test_F47_a_stop_that_nobody_wants_is_cancelled_also_where_two_may_rest() -> None:
    """Flat is flat."""
    old = working(OLD)

    assert diff([old], [], two_stops=True) == diff([old], []) == Changes(cancel=(old,))


@attrs.define
class Venue:
    """Keeps stops apart from orders, and remembers what was asked of which."""

    asked: list[tuple[str, ...]] = attrs.field(factory=list)
    name: str = "fake"
    fence_s: float = 3.5
    allows_two_stops: bool = False
    sizes_stops: bool = False
    names_stops: bool = True

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Take orders."""
        return self._answer("place", instrument, orders)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Cancel orders."""
        return self._answer("cancel", instrument, orders)

    async def place_stops(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Take stops."""
        return self._answer("place_stops", instrument, orders)

    async def cancel_stops(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Cancel stops."""
        return self._answer("cancel_stops", instrument, orders)

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """Know no order."""
        self.asked.append(("order", instrument.market, client_id, str(venue_id)))

        return None

    async def fetch_stop(self, instrument: Instrument, client_id: str, _: str | None = None) -> OrderReport | None:
        """Know no stop."""
        self.asked.append(("stop", instrument.market, client_id))

        return None

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """No orders."""
        self.asked.append(("open_orders", instrument.market))

        return []

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """No stops."""
        self.asked.append(("open_stops", instrument.market))

        return []

    def _answer(self, what: str, instrument: Instrument, orders: Sequence[NewOrder | CancelOrder]) -> Sequence[Outcome]:
        self.asked.append((what, instrument.market, *(order.client_id for order in orders)))

        return [Accepted(client_id=order.client_id) for order in orders]


@pytest.mark.anyio
async def test_stops_are_sent_and_cancelled_where_the_venue_keeps_them() -> None:
    """In one decision with other orders, each goes its own way and has its own outcome."""
    venue, clock, events = Venue(), LoopClock(), list[Event]()
    assert isinstance(venue, VenueStops)
    dispatcher = Dispatcher(
        connector=cast("Any", venue),
        instrument=make_instrument(),
        clock=clock,
        gate=Gate(clock=clock),
        emit=events.extend,
    )
    await dispatcher.dispatch(
        [
            Cancel(client_id="a", venue_id=None, kind=OrderKind.VENUE_STOP),
            Cancel(client_id="b", venue_id=None, kind=OrderKind.QUOTE),
            Place(order=new_order(NEW, "c")),
            Place(order=new_order(TARGET, "d")),
        ]
    )

    market = "BTC-USDT"
    assert sorted(venue.asked) == [
        ("cancel", market, "b"),
        ("cancel_stops", market, "a"),
        ("place", market, "d"),
        ("place_stops", market, "c"),
    ]
    assert {event.client_id for event in events if isinstance(event, OrderAccepted)} == {"c", "d"}
    assert {event.client_id for event in events if isinstance(event, OrderCancelled)} == {"a", "b"}


@pytest.mark.anyio
async def test_recovery_lists_and_asks_for_stops_in_their_own_namespace() -> None:
    """What is open is both lists; a stop is asked for by its client id alone."""
    venue = Venue()
    reconciliation = Reconciliation(connector=cast("Any", venue), instrument=make_instrument(), clock=LoopClock())
    await reconciliation.open_orders()
    answer = await reconciliation.ask("a", "7", OrderKind.VENUE_STOP)
    await reconciliation.ask("b", "8", OrderKind.QUOTE)

    assert isinstance(answer, OrderNotFound)
    assert venue.asked == [
        ("open_orders", "BTC-USDT"),
        ("open_stops", "BTC-USDT"),
        ("stop", "BTC-USDT", "a"),
        ("order", "BTC-USDT", "b", "8"),
    ]
