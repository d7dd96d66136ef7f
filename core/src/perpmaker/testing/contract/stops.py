"""Stops that the venue keeps; skipped where it keeps none."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.connector.abilities import VenueStops
from perpmaker.connector.interface import CancelOrder
from perpmaker.model.event import Channel, OrderFilled
from perpmaker.model.order import NewOrder, OrderKind, OrderStatus, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.suite import Suite

AWAY = 300
"""Ticks from the price to the trigger of a stop."""


class StopContract(Suite):
    """Conditional orders that close a position."""

    async def test_a_stop_rests_apart_from_orders_until_it_is_cancelled(self) -> None:
        """In the list of stops and in no other, at its trigger; after the cancel it is gone."""
        async with self.open_room() as room:
            stops, stop = await self._with_position(room)
            (placed,) = await self._place(room, stop)
            await room.settle()
            (listed,) = await stops.fetch_open_stops(room.instrument)
            cancel = CancelOrder(client_id=listed.client_id, venue_id=listed.venue_id)
            regular = await room.open_ids()
            (gone,) = await stops.cancel_stops(room.instrument, [cancel])
            await room.settle()

            assert isinstance(placed, Accepted), placed
            assert (listed.ticks, listed.side, listed.triggered) == (stop.ticks, Side.SELL, False)
            assert not stops.names_stops or listed.client_id == stop.client_id
            assert regular == []
            assert isinstance(gone, Accepted), gone
            assert await stops.fetch_open_stops(room.instrument) == []

    async def test_a_triggered_stop_closes_the_position_under_its_own_name(self) -> None:
        """Its fills are the stop's, on the stream and asked for, and the position is flat."""
        async with self.open_room() as room:
            stops, stop = await self._with_position(room)
            heard = await room.listen(Channel.ACCOUNT)
            await self._place(room, stop)
            await room.settle()
            room.stage.move(-2 * AWAY)
            room.stage.take(Side.SELL, 1)
            await room.settle()
            streamed = [event.fill for event in heard.of(OrderFilled)]
            asked = await room.connector.fetch_fills(room.instrument, room.began_ms)
            sold = [fill for fill in asked if fill.side is Side.SELL]

            for fills in (streamed, sold):
                assert sum(fill.amount for fill in fills) == room.instrument.amount(room.lots)
                assert all(fill.of_position or fill.client_id == stop.client_id for fill in fills)

            assert {position.amount for position in room.account.positions} == {0}
            assert await stops.fetch_open_stops(room.instrument) == []

    async def test_a_stop_beyond_the_price_is_refused_as_triggering_at_once(self) -> None:
        """The reason tells that the position is to be closed now."""
        async with self.open_room() as room:
            await self._with_position(room)
            (outcome,) = await self._place(room, self._stop(room, -AWAY))

            assert isinstance(outcome, Rejected), outcome
            assert outcome.refusal.reason is RefusalReason.WOULD_TRIGGER

    async def test_two_stops_of_a_position_are_as_the_connector_says(self) -> None:
        """A second one is taken exactly where `allows_two_stops` says so."""
        async with self.open_room() as room:
            stops, stop = await self._with_position(room)
            await self._place(room, stop)
            await room.settle()
            (second,) = await self._place(room, self._stop(room, AWAY + 50))

            assert isinstance(second, Accepted) is stops.allows_two_stops
            assert not isinstance(second, Rejected) or second.refusal.reason is RefusalReason.STOP_EXISTS

    async def test_a_stop_whose_answer_is_lost_is_unknown_and_found(self) -> None:
        """It protects all the same, and is never sent twice."""
        async with self.open_room() as room:
            stops, stop = await self._with_position(room)
            await self._place(room, stop)
            await self._cancel_all(room)
            route = await room.route("stop", lambda: self._place(room, self._stop(room, AWAY)))
            await self._cancel_all(room)
            room.fault(route, "drop", when="after")
            again, sent = self._stop(room, AWAY), room.spy.count(route)
            (outcome,) = await self._place(room, again)
            await room.settle()
            found = await stops.fetch_open_stops(room.instrument)

            assert isinstance(outcome, Unknown), outcome
            assert room.spy.count(route) == sent + 1
            assert [report.ticks for report in found] == [again.ticks]
            assert {report.status for report in found} == {OrderStatus.OPEN}

    async def test_a_stop_that_never_was_is_none(self) -> None:
        """A question for an id that the venue does not know is answered with None, and its cancel is no error."""
        async with self.open_room() as room:
            stops: VenueStops = room.require(VenueStops)
            name = room.ids.next()
            (outcome,) = await stops.cancel_stops(room.instrument, [CancelOrder(client_id=name)])

            assert await stops.fetch_stop(room.instrument, name) is None
            assert not isinstance(outcome, Unknown)
            assert not room.sandbox.exchange.conditional_orders(ACCOUNT)

    async def _with_position(self, room: Room) -> tuple[VenueStops, NewOrder]:
        """Hold a long position; the connector, and a stop for it."""
        stops: VenueStops = room.require(VenueStops)
        await room.hold()

        return stops, self._stop(room, AWAY)

    def _stop(self, room: Room, away: int) -> NewOrder:
        """A stop of a long position, so many ticks below the price."""
        stops: VenueStops = room.require(VenueStops)

        return NewOrder(
            client_id=room.ids.next(),
            slot=Slot(OrderKind.VENUE_STOP, Side.SELL),
            lots=room.lots,
            ticks=room.stage.middle - away,
            type=OrderType.VENUE_STOP,
            reduce_only=True,
            whole=not stops.sizes_stops,
        )

    async def _place(self, room: Room, stop: NewOrder) -> Sequence[Outcome]:
        stops: VenueStops = room.require(VenueStops)

        return await stops.place_stops(room.instrument, [stop])

    async def _cancel_all(self, room: Room) -> None:
        stops: VenueStops = room.require(VenueStops)
        await room.settle()
        found = await stops.fetch_open_stops(room.instrument)
        await stops.cancel_stops(
            room.instrument, [CancelOrder(client_id=one.client_id, venue_id=one.venue_id) for one in found]
        )
        await room.settle()
