"""What some venues can do and others cannot: skipped where a connector does not offer it."""

from __future__ import annotations

import anyio
import attrs

from perpmaker.connector.abilities import Amending, DeadManSwitch, PriceReading, SettingsReading
from perpmaker.connector.interface import AmendOrder, IdScheme
from perpmaker.model.event import Channel, OrderAmended
from perpmaker.model.order import NewOrder, OrderStatus, Side
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.position import MarginMode
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.contract.room import BOT, Room
from perpmaker.testing.contract.suite import Suite
from perpmaker.wire.fault import When

COUNTDOWN_S = 10.0


class AbilityContract(Suite):
    """Amends, the dead-man switch, and questions beside the streams."""

    # --- amends -------------------------------------------------------------------------------------------------------

    async def test_an_amended_order_keeps_its_id_and_its_fills(self) -> None:
        """It rests once, at its new price, and what was filled stays filled."""
        async with self.open_room() as room:
            room.require(Amending)
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest(room.order(away=2))
            room.stage.take(Side.SELL, 3, order.ticks)
            moved = self._moved(order, -200)
            outcome = await self._amend(room, moved)
            await room.settle()
            report = await room.report(order)

            assert isinstance(outcome, Accepted), outcome
            assert report is not None
            assert (report.ticks, report.lots, report.filled_lots) == (moved.ticks, moved.lots, 3)
            assert await room.open_ids() == [order.client_id]
            amended = {(event.ticks, event.lots) for event in heard.of(OrderAmended)}
            reported = {(one.ticks, one.lots) for one in heard.reports(order.client_id)}
            assert (moved.ticks, moved.lots) in amended | reported

    async def test_an_amend_with_a_lost_answer_is_unknown(self) -> None:
        """Whether it was made, a question tells; the order rests once, at the old price or the new one."""
        async with self.open_room() as room:
            room.require(Amending)
            first = await room.rest()
            steps = iter(range(1, 10))
            route = await room.route("amend", lambda: self._amend(room, self._moved(first, next(steps))))
            moments: tuple[When, ...] = ("after",) if route.is_socket else ("before", "after")

            for when in moments:
                order = await room.rest()
                moved = self._moved(order, -200)
                room.fault(route, "drop", when=when)
                outcome = await self._amend(room, moved)
                report = await room.report(order)

                assert isinstance(outcome, Unknown), outcome
                assert report is not None
                assert report.ticks == (order.ticks if when == "before" else moved.ticks)
                assert (await room.open_ids()).count(order.client_id) == 1

    async def test_an_amend_that_changes_nothing_is_told_as_that(self) -> None:
        """Refused as unchanged, or accepted with the order as it is."""
        async with self.open_room() as room:
            room.require(Amending)
            order = await room.rest()
            outcome = await self._amend(room, order)

            assert isinstance(outcome, Accepted | Rejected)
            assert isinstance(outcome, Accepted) or outcome.refusal.reason is RefusalReason.UNCHANGED

    async def test_an_amend_of_an_order_that_is_gone_finds_nothing(self) -> None:
        """It is refused as not found, and nothing rests."""
        async with self.open_room() as room:
            room.require(Amending)
            order = await room.rest()
            await room.cancel(order)
            outcome = await self._amend(room, self._moved(order, -3))
            await room.settle()

            assert isinstance(outcome, Rejected) or (isinstance(outcome, Accepted) and outcome.by_gateway)
            assert isinstance(outcome, Accepted) or outcome.refusal.reason is RefusalReason.NOT_FOUND
            assert await room.open_ids() == []

    async def test_an_amend_of_a_post_only_order_never_takes(self) -> None:
        """At a price that would take it is refused, at once or later, or ends the order."""
        async with self.open_room() as room:
            room.require(Amending)
            order = await room.rest(room.order(away=2))
            outcome = await self._amend(room, self._moved(order, 60))
            await room.settle()
            report = await room.report(order)

            assert not room.sandbox.exchange.executions(ACCOUNT)
            rests_at = report.ticks if report is not None and report.status is OrderStatus.OPEN else None
            assert isinstance(outcome, Rejected) or rests_at in {None, order.ticks}

    # --- the dead-man switch ------------------------------------------------------------------------------------------

    async def test_an_armed_switch_cancels_when_nothing_is_heard(self) -> None:
        """Armed anew in time it cancels nothing; after a silence every order is gone."""
        async with self.open_room() as room:
            switch = room.require(DeadManSwitch)
            order = await room.rest()

            for _ in range(3):
                await switch.arm(room.instrument, COUNTDOWN_S)
                await anyio.sleep(COUNTDOWN_S * 0.6)

            assert await room.open_ids() == [order.client_id]
            await anyio.sleep(COUNTDOWN_S)
            await room.settle()
            assert await room.open_ids() == []
            report = await room.report(order, OrderStatus.CANCELLED)
            assert report is None or report.status is OrderStatus.CANCELLED

    async def test_a_disarmed_switch_cancels_nothing(self) -> None:
        """Nor does one that was never armed."""
        async with self.open_room() as room:
            switch = room.require(DeadManSwitch)
            order = await room.rest()
            await switch.disarm(room.instrument)
            await switch.arm(room.instrument, COUNTDOWN_S)
            await switch.disarm(room.instrument)
            await anyio.sleep(COUNTDOWN_S * 2)

            assert await room.open_ids() == [order.client_id]
            assert switch.switch_takes

    # --- questions ----------------------------------------------------------------------------------------------------

    async def test_the_mark_price_is_answered(self) -> None:
        """That of now, marked as an answer or not, with the venue's funding rate."""
        async with self.open_room() as room:
            connector = room.require(PriceReading)
            room.stage.move(11)
            mark = await connector.fetch_mark(room.instrument)

            assert mark is not None
            assert (mark.mark, mark.funding_rate) == (room.sandbox.exchange.mark, room.sandbox.exchange.funding_rate)

    async def test_settings_that_a_person_has_changed_are_read(self) -> None:
        """What is set now, and nothing is changed by asking."""
        async with self.open_room() as room:
            connector = room.require(SettingsReading)
            exchange, now_ms = room.sandbox.exchange, room.clock.utc_ms()
            exchange.set_leverage(ACCOUNT, self.leverage + 2, now_ms)
            exchange.set_margin_mode(ACCOUNT, MarginMode.ISOLATED, now_ms)
            settings = await connector.fetch_settings(room.instrument)

            assert (settings.leverage, settings.margin_mode) == (self.leverage + 2, MarginMode.ISOLATED)
            assert (room.account.leverage, room.account.margin_mode) == (self.leverage + 2, MarginMode.ISOLATED)

    async def test_ids_of_the_connectors_own_are_durable_before_they_are_used(self) -> None:
        """A run is written down before its first id; each id is new, and known again as ours."""
        async with self.open_room() as room:
            scheme = room.require(IdScheme)
            begun: list[str] = []

            def begin(run: str) -> bool:
                begun.append(run)

                return True

            ids = await scheme.open_client_ids(room.instrument, BOT, begin)
            made = []

            for _ in range(50):
                made.append(ids.next())
                assert ids.run_of(made[-1]) in begun

            assert len(set(made)) == len(made)
            assert all(ids.is_ours(one) and ids.is_of_this_start(one) for one in made)

    async def test_a_run_of_ids_that_the_journal_knows_is_drawn_again(self) -> None:
        """An earlier start has made ids of it, and may still hear of them."""
        async with self.open_room() as room:
            scheme = room.require(IdScheme)
            asked: list[str] = []

            def begin(run: str) -> bool:
                asked.append(run)

                return len(asked) > 1

            ids = await scheme.open_client_ids(room.instrument, BOT, begin)

            assert ids.run_of(ids.next()) in asked[1:]

    async def _amend(self, room: Room, order: NewOrder) -> Outcome:
        connector: Amending = room.require(Amending)
        (outcome,) = await connector.amend(room.instrument, [AmendOrder(order=order, venue_id=None, number=1)])

        return outcome

    def _moved(self, order: NewOrder, ticks: int) -> NewOrder:
        return attrs.evolve(order, ticks=(order.ticks or 0) + ticks)
