"""Fills: each counts once, in whatever order the venue tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import anyio

from perpmaker.model.event import Channel, OrderCancelled, OrderFilled, OrderReported
from perpmaker.model.order import Fill, OrderStatus, OrderType, PositionMode, Side
from perpmaker.model.outcome import Accepted
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.order import Execution
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.suite import Suite

LATE_S = 0.4
"""Seconds by which an answer is late."""

RACE_MS = 300
HIGH_LEVERAGE = 20
MANY_FILLS, MOMENT = 1_050, 40
SEEDS = 3
SHARE = Decimal("0.9")
"""Of what the balance can carry."""


class FillContract(Suite):
    """What was executed."""

    async def test_partial_fills_add_up(self) -> None:
        """Each part is a fill of its own with a new id, and the order counts them together."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest(room.order(away=2))
            counted: list[tuple[OrderStatus | None, int]] = []

            for lots in (3, 4, order.lots - 7):
                room.stage.take(Side.SELL, lots, order.ticks)
                await room.settle()
                report = await room.report(order)
                assert report is not None
                counted.append((report.status, report.filled_lots))

            fills = heard.fills(order.client_id)
            assert counted == [(OrderStatus.OPEN, 3), (OrderStatus.OPEN, 7), (OrderStatus.FILLED, order.lots)]
            assert [room.instrument.exact_lots(fill.amount) for fill in fills] == [3, 4, order.lots - 7]
            assert len({fill.trade_id for fill in fills}) == len(fills)
            assert heard.reports(order.client_id)[-1].filled_lots == order.lots

    async def test_fills_are_the_venues_own(self) -> None:
        """Price, amount, fee, side and maker of each are what the venue has booked."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest(room.order(Side.SELL, away=2))
            room.stage.take(Side.BUY, order.lots, order.ticks)
            taker = await room.hold()
            booked = room.sandbox.exchange.executions(ACCOUNT)

            for fills in ([event.fill for event in heard.of(OrderFilled)], await self._asked(room)):
                assert [fill.client_id for fill in fills] == [order.client_id, taker.client_id]
                assert [_figures(fill) for fill in fills] == [_figures(one) for one in booked]

    async def test_fills_asked_for_are_those_of_the_stream(self) -> None:
        """Both tell the same ids, so that a fill which is heard and asked for counts once."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)

            for side in (Side.BUY, Side.SELL, Side.SELL):
                await room.hold(side=side)

            asked = await self._asked(room)
            assert [event.fill.trade_id for event in heard.of(OrderFilled)] == [fill.trade_id for fill in asked]
            assert len({fill.trade_id for fill in asked}) == 3

    async def test_fills_since_a_time_leave_out_what_was_before(self) -> None:
        """From a time on, inclusive, oldest first."""
        async with self.open_room() as room:
            first, second = await room.hold(), await room.hold(side=Side.SELL)
            old, new = await self._asked(room)
            since = await room.connector.fetch_fills(room.instrument, new.venue_ms)

            assert (old.client_id, new.client_id) == (first.client_id, second.client_id)
            assert old.venue_ms < new.venue_ms
            assert [fill.trade_id for fill in since] == [new.trade_id]

    async def test_fills_before_acknowledgements_count_once(self) -> None:
        """The stream tells of a fill before the venue has answered the placement; both are about one order."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            room.fault(await room.place_route(), "delay", when="after", arg=LATE_S)
            order = room.order(away=-15, type=OrderType.LIMIT)
            began = room.clock.now()
            (outcome,) = await room.place(order)
            took_s = room.clock.now() - began
            told = len(heard.fills(order.client_id))
            await room.settle()

            assert took_s >= LATE_S
            assert isinstance(outcome, Accepted)
            assert told == 1
            assert len(heard.fills(order.client_id)) == 1
            assert [fill.client_id for fill in await self._asked(room)] == [order.client_id]

    async def test_a_fill_is_told_before_the_end_of_its_order(self) -> None:
        """What ends an order comes after its last fill, and counts all of them."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.hold()
            about = [event for event in heard.events if isinstance(event, OrderFilled | OrderReported)]
            last = heard.reports(order.client_id)[-1]

            assert (last.status, last.filled_lots) == (OrderStatus.FILLED, order.lots)
            assert isinstance(about[-1], OrderReported)
            assert sum(fill.amount for fill in heard.fills(order.client_id)) == room.instrument.amount(order.lots)

    async def test_a_cancelled_order_keeps_what_was_filled(self) -> None:
        """An order that ends without being full counts the part that was: asked for, and on the stream."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest(room.order(away=2))
            room.stage.take(Side.SELL, 3, order.ticks)
            await room.cancel(order)
            await room.see_off()
            report = await room.report(order, OrderStatus.CANCELLED)
            ended = [event.filled_lots for event in heard.of(OrderCancelled) if event.client_id == order.client_id]
            ended += [one.filled_lots for one in heard.reports(order.client_id) if one.status is OrderStatus.CANCELLED]

            assert report is not None
            assert (report.status, report.filled_lots) == (OrderStatus.CANCELLED, 3)
            assert set(ended) <= {3, None}
            assert [room.instrument.exact_lots(fill.amount) for fill in heard.fills(order.client_id)] == [3]

    async def test_many_fills_come_complete(self) -> None:
        """More than a venue shows on a page, many of them in one moment, each once and oldest first."""
        async with self.open_room() as room:
            await self._raise_leverage(room)
            order = await room.rest(room.order(away=2, lots=max(room.lots, MANY_FILLS)))

            for number in range(MANY_FILLS):
                room.stage.take(Side.SELL, 1, order.ticks)

                if number % MOMENT == 0:
                    await anyio.sleep(0.01)

            await room.settle()
            booked = [one.now_ms for one in room.sandbox.exchange.executions(ACCOUNT)]
            asked = await self._asked(room)

            assert len(booked) == MANY_FILLS
            assert len({fill.trade_id for fill in asked}) == len(asked) == MANY_FILLS
            late_ms = [fill.venue_ms - at_ms for fill, at_ms in zip(asked, booked, strict=True)]
            assert min(late_ms) >= 0  # a chain dates by its blocks
            assert max(late_ms) <= self.settle_s * 1000

    async def test_what_is_told_in_any_order_counts_once(self) -> None:
        """Answers and the kinds of events overtake each other: every fill comes once, and adds up to the position."""
        for seed in range(SEEDS):
            async with self.open_room(race_ms=RACE_MS, seed=seed) as room:
                heard = await room.listen(Channel.ACCOUNT)
                orders = [room.order(side, away=-15, type=OrderType.LIMIT) for side in (Side.BUY, Side.BUY, Side.SELL)]

                for order in orders:
                    await room.place(order)

                await room.settle()
                fills = [event.fill for event in heard.of(OrderFilled)]
                (position,) = room.account.positions

                assert Counter(fill.client_id for fill in fills) == Counter(order.client_id for order in orders)
                assert sum(fill.amount * fill.side.sign for fill in fills) == position.amount
                assert {heard.story(order.client_id)[-1] for order in orders} == {OrderStatus.FILLED}

    async def test_a_forced_fill_is_told_as_forced(self) -> None:
        """A position that the venue liquidates: its fill is no order of ours, and says what it was done for."""
        async with self.open_room() as room:
            leverage = await self._raise_leverage(room)
            heard = await room.listen(Channel.ACCOUNT)
            price = room.instrument.price(room.stage.middle)
            await room.hold(room.instrument.lots_down(room.account.available * leverage * SHARE / price))
            room.stage.move(-room.stage.middle * 6 // (5 * leverage))
            await room.settle()
            asked = await self._asked(room)

            assert {position.amount for position in room.account.positions} == {0}
            for fills in (asked, [event.fill for event in heard.of(OrderFilled)]):
                forced = [fill for fill in fills if fill.side is Side.SELL]
                assert forced
                assert all(fill.forced and not room.ids.is_ours(fill.client_id) for fill in forced)

    async def _raise_leverage(self, room: Room) -> int:
        """Set a leverage with which the balance carries large orders."""
        leverage = min(HIGH_LEVERAGE, room.instrument.max_leverage)
        await room.connector.prepare(room.instrument, leverage, PositionMode.ONE_WAY, None)

        return leverage

    async def _asked(self, room: Room) -> Sequence[Fill]:
        return await room.connector.fetch_fills(room.instrument, room.began_ms)


def _figures(fill: Fill | Execution) -> tuple[object, ...]:
    """What a fill and an execution of the exchange have in common."""
    return fill.price, fill.amount, fill.fee, fill.fee_asset, fill.side, fill.position_side, fill.maker
