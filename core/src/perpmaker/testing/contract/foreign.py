"""What is not ours, what is new, and what is odd: it stops nothing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from perpmaker.model.event import Channel, OrderReported
from perpmaker.model.order import Side
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.order import OrderRequest
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.suite import Suite

PERSON = "byHand-1"


class ForeignContract(Suite):
    """A person beside us, a venue that changes, and rows that nobody can read."""

    async def test_a_persons_orders_are_shown_and_are_not_ours(self) -> None:
        """Listed, streamed, filled and cancelled under a name that is none of ours."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            ours = await room.rest()
            self._place_by_hand(room, away=3)
            await room.settle()
            foreign = [name for name in await room.open_ids() if not room.ids.is_ours(name)]
            room.stage.take(Side.SELL, room.lots)
            await room.settle()
            fills = await room.connector.fetch_fills(room.instrument, room.began_ms)

            assert len(foreign) == 1
            assert await room.open_ids() == [ours.client_id]
            assert [room.ids.is_ours(fill.client_id) for fill in fills] == [False]
            assert heard.error is None
            told = [event.report.client_id for event in heard.of(OrderReported)]
            assert {name for name in told if room.ids.is_ours(name)} == {ours.client_id}

    async def test_fields_that_are_new_are_ignored(self) -> None:
        """The venue adds a field to everything that it says."""
        async with self.open_room() as room:
            room.spy.adds_fields = True
            assert (await room.connector.fetch_instrument(self.market)).tick == room.instrument.tick
            heard = {channel: await room.listen(channel) for channel in (Channel.ACCOUNT, Channel.BOOK, Channel.MARK)}
            filled, cancelled = await room.rest(room.order(away=2)), await room.rest()
            await room.cancel(cancelled)
            room.stage.take(Side.SELL, filled.lots, filled.ticks)
            await room.settle()
            await room.connector.fetch_account(room.instrument)
            fills = await room.connector.fetch_fills(room.instrument, room.began_ms)

            assert [fill.client_id for fill in fills] == [filled.client_id]
            assert len(heard[Channel.ACCOUNT].fills(filled.client_id)) == 1
            assert heard[Channel.ACCOUNT].story(cancelled.client_id)
            assert all(one.error is None and one.events for one in heard.values())

    async def test_odd_rows_hide_no_order_of_ours(self) -> None:
        """Rows without anything, and rows of another market that make no sense, are left out."""
        async with self.open_room() as room:
            order = await room.rest()
            self._place_by_hand(room, away=30)
            before = set(await room.open_ids())
            assert order.client_id in before
            await self._expect_the_same(room, room.open_ids)

    async def test_odd_rows_hide_no_fill_of_ours(self) -> None:
        """The same among fills."""
        async with self.open_room() as room:

            async def fills() -> list[str]:
                asked = await room.connector.fetch_fills(room.instrument, room.began_ms)

                return [fill.trade_id for fill in asked]

            await room.hold()
            assert await fills()
            await self._expect_the_same(room, fills)

    async def test_odd_rows_hide_no_position_of_ours(self) -> None:
        """The same among positions, and assets."""
        async with self.open_room() as room:

            async def account() -> object:
                asked = await room.connector.fetch_account(room.instrument)
                quote = [asset.wallet for asset in asked.assets if asset.asset == room.instrument.quote]

                return [(one.side, one.amount, one.entry) for one in asked.positions], quote, asked.available

            await room.hold()
            await self._expect_the_same(room, account)

    def _place_by_hand(self, room: Room, *, away: int) -> None:
        """Let a person place a bid of our size beside the bot."""
        rules = room.instrument
        request = OrderRequest(
            side=Side.BUY,
            amount=rules.amount(room.lots),
            price=rules.price(room.stage.middle - away),
            client_id=PERSON,
        )
        room.sandbox.exchange.place(ACCOUNT, request, room.clock.utc_ms())

    async def _expect_the_same(self, room: Room, ask: Callable[[], Awaitable[object]]) -> None:
        """Ask, add odd rows to every list of the next answers, and see that what is answered is the same."""
        before = len(room.spy.asked)
        answer_before = await ask()
        faults = len(room.sandbox.faults.fired)

        for asked in room.spy.asked[before:]:
            answer = json.loads(asked.answer or b"null")

            changed = [_oddly(rows, room.instrument.symbol) for rows in _lists(answer)]

            if not asked.route.is_socket and any(changed):
                room.fault(asked.route, "body", when="after", arg=json.dumps(answer))

        assert await ask() == answer_before
        assert len(room.sandbox.faults.fired) > faults, "no answer has rows"


def _lists(value: Any) -> Iterator[list[Any]]:  # noqa: ANN401  # of any JSON
    """Every list of objects, wherever it is, the outer ones last."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()

    for each in inner:
        yield from _lists(each)

    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        yield value


def _oddly(rows: list[Any], symbol: str) -> bool:
    """Add a row without anything, and one of another market whose values are all odd; whether there are rows now."""
    is_of_market = [row for row in rows if symbol in row.values()]
    odd = [
        {name: f"{value}ODD" if value == symbol else {"odd": True} for name, value in row.items()} for row in rows[:1]
    ]

    if is_of_market or not rows:
        rows.append({})

    rows += odd if is_of_market else []

    return bool(rows)
