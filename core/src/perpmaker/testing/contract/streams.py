"""Streams: nothing is made up, a gap and an end are said, and what comes back is whole."""

from __future__ import annotations

import anyio
import pytest

from perpmaker.connector.interface import EventReceiver
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Channel, MarkChanged, Traded
from perpmaker.model.order import OrderStatus, Side
from perpmaker.testing.contract.heard import Heard
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.suite import Suite
from perpmaker.wire.fault import MESSAGE, Fault

CHANNELS = (Channel.BOOK, Channel.MARK, Channel.ACCOUNT)
"""What every connector keeps alive. Trades are welcome."""

GIVEN_UP = 20
"""How often somebody stops to wait for events."""

BEFORE_SNAPSHOT = (BookChanged, BookSnapshot)


class StreamContract(Suite):
    """The feeds of a market and of the account."""

    async def test_every_channel_has_one_feed(self) -> None:
        """Book, mark and account are each kept alive by one feed; silence of a market's feed means something."""
        async with self.open_room() as room:
            for channel in CHANNELS:
                feed = room.feed(channel)
                assert channel is Channel.ACCOUNT or (feed.stall_s or 0) > 0

    async def test_the_book_begins_with_a_snapshot_and_follows_the_venue(self) -> None:
        """What the events make is the venue's book, whatever happens to it."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.BOOK)
            await room.settle()
            kinds = [type(event) for event in heard.events if isinstance(event, BEFORE_SNAPSHOT)]
            assert kinds[0] is BookSnapshot
            await self._expect_the_venues_book(room, heard)
            room.stage.take(Side.BUY, 1)
            await self._expect_the_venues_book(room, heard)
            room.stage.move(37)
            await self._expect_the_venues_book(room, heard)
            room.stage.move(-80)
            await room.rest(room.order(away=3))
            await self._expect_the_venues_book(room, heard)
            assert not heard.of(BookLost)

    async def test_a_gap_is_raised_and_not_patched(self) -> None:
        """After a lost message the book is lost, or the stream ends, before anything else of it; then it is whole."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.BOOK)
            await room.settle()
            heard.forget()
            room.sandbox.faults.add(Fault(act="drop", method=MESSAGE, path=heard.path))
            await room.settle()
            told = [event for event in heard.events if isinstance(event, BookLost | BookChanged | BookSnapshot)]

            assert isinstance(heard.error, ConnectivityError) or told, "nothing was told of the gap"
            assert not told or isinstance(told[0], BookLost)

            if heard.error is not None:
                heard = await room.listen(Channel.BOOK)
                await room.settle()

            await self._expect_the_venues_book(room, heard)

    async def test_a_message_told_twice_changes_nothing(self) -> None:
        """Of book, fills and reports each counts once, or the stream begins anew."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.BOOK)
            await room.settle()
            room.sandbox.faults.add(Fault(act="duplicate", method=MESSAGE, path=heard.path))
            await room.settle()

            if heard.error is None:
                await self._expect_the_venues_book(room, heard)
            else:
                assert isinstance(heard.error, ConnectivityError)

    async def test_the_mark_price_and_funding_are_the_venues(self) -> None:
        """Mark price, rate, and when it is charged."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.MARK)
            room.stage.move(25)
            await room.settle()
            mark, exchange = heard.of(MarkChanged)[-1], room.sandbox.exchange

            assert (mark.mark, mark.funding_rate, mark.next_funding_ms) == (
                exchange.mark,
                exchange.funding_rate,
                exchange.next_funding_ms,
            )
            assert abs(mark.venue_ms - room.clock.utc_ms()) <= self.settle_s * 1000

    async def test_trades_are_told_once(self) -> None:
        """Each trade of the market with its price, amount and taker."""
        async with self.open_room() as room:
            if not any(Channel.TRADES in feed.channels for feed in room.connector.feeds(room.instrument)):
                pytest.skip(f"{room.connector.name} offers no trades")

            heard = await room.listen(Channel.TRADES)
            await room.settle()

            for side in (Side.BUY, Side.SELL, Side.SELL):
                room.stage.take(side, 7)
                await room.settle()

            told = [(trade.ticks, trade.lots, trade.taker) for trade in heard.of(Traded)]
            assert told == [(trade.ticks, trade.lots, trade.taker) for trade in room.sandbox.exchange.trades()]

    async def test_a_stream_that_ends_is_raised(self) -> None:
        """Closed or reset: ConnectivityError, and it can be opened again."""
        async with self.open_room() as room:
            for channel in CHANNELS:
                for fault in (
                    {"act": "close", "arg": 1001},
                    {"act": "reset"},
                ):
                    heard = await room.listen(channel)
                    await room.settle()
                    await room.sandbox.faults.inject(Fault(when="now", method=MESSAGE, path=heard.path, **fault))
                    await room.settle()
                    assert isinstance(heard.error, ConnectivityError), f"{channel.value}: {heard.error!r}"

                heard = await room.listen(channel)
                await room.settle()
                assert heard.error is None

    async def test_messages_that_make_no_sense_stop_nothing(self) -> None:
        """A broken message is left out, or ends its stream as a lost connection does."""
        async with self.open_room() as room:
            for channel in CHANNELS:
                heard = await room.listen(channel)
                await room.settle()
                garbage = Fault(act="body", method=MESSAGE, path=heard.path, arg='{"broken', times=2)
                room.sandbox.faults.add(garbage)
                await self._make_news(room)
                await room.settle()

                assert garbage in room.sandbox.faults.fired, f"nothing was sent on {channel.value}"
                assert heard.error is None or isinstance(heard.error, ConnectivityError), repr(heard.error)
                room.sandbox.faults.clear()

    async def test_reconnection_resyncs(self) -> None:
        """What happened while no stream was open is in the answers, and the new streams go on from there."""
        async with self.open_room() as room:
            account, book = await room.listen(Channel.ACCOUNT), await room.listen(Channel.BOOK)
            filled, kept = await room.rest(room.order(away=2)), await room.rest()

            for heard in (account, book):
                await room.sandbox.faults.inject(Fault(act="reset", when="now", method=MESSAGE, path=heard.path))

            room.stage.take(Side.SELL, filled.lots, filled.ticks)
            room.stage.move(-60)
            await room.settle()
            account, book = await room.listen(Channel.ACCOUNT), await room.listen(Channel.BOOK)
            await room.settle()
            report = await room.report(filled, OrderStatus.FILLED)
            fills = await room.connector.fetch_fills(room.instrument, room.began_ms)
            assert await room.open_ids() == [kept.client_id]
            assert report is not None
            assert report.status is OrderStatus.FILLED
            assert [fill.client_id for fill in fills] == [filled.client_id]
            await self._expect_the_venues_book(room, book)
            later = await room.rest()
            await room.settle()
            assert OrderStatus.OPEN in account.story(later.client_id)

    async def test_waiting_for_events_can_be_given_up(self) -> None:
        """Whoever stops to wait loses no event: what came meanwhile is there at the next call."""
        async with self.open_room() as room:
            heard, orders = Heard(), [room.order() for _ in range(GIVEN_UP)]

            async with room.feed(Channel.ACCOUNT).open() as receiver:
                for number, order in enumerate(orders):
                    await room.place(order)
                    await self._hear(receiver, heard, 0.003 * (number % 5))

                await self._hear(receiver, heard, self.settle_s)

            assert [order.client_id for order in orders if not heard.story(order.client_id)] == []

    async def test_leaving_a_feed_closes_its_connection(self) -> None:
        """No socket is left open at the venue, also where whoever listened was cancelled."""
        async with self.open_room() as room:
            before = len(room.spy.sockets)

            for feed in room.connector.feeds(room.instrument):
                with anyio.move_on_after(0.5):
                    async with feed.open() as receiver:
                        while True:
                            await receiver.receive()

            await room.settle()
            assert len(room.spy.sockets) == before

    async def test_leaving_the_context_closes_every_connection(self) -> None:
        """Of a connector that has asked, placed and heard, nothing is left open; what is opened later is another's."""
        async with self.open_room() as room:
            before = room.network.connections

            async with self.declaration.open(self.declaration.settings(**self.settings), room.context) as second:
                await second.fetch_open_orders(room.instrument)
                await second.place(room.instrument, [room.order()])

                for feed in second.feeds(room.instrument):
                    async with feed.open() as receiver:
                        await self._hear(receiver, Heard(), self.settle_s)

            await room.settle()
            assert room.network.connections <= before

    async def _expect_the_venues_book(self, room: Room, heard: Heard) -> None:
        """See that the events make the venue's book, as far as the connector shows it."""
        await room.settle()
        self._compare(room, heard)

    def _compare(self, room: Room, heard: Heard) -> None:
        depth = room.sandbox.exchange.depth()

        for mine, theirs, side in zip(heard.book(), (depth.bids, depth.asks), Side, strict=True):
            shown = sorted(mine.items(), reverse=side is Side.BUY)
            assert shown, heard.error
            assert shown[: len(theirs)] == list(theirs)[: len(shown)]

    async def _hear(self, receiver: EventReceiver, heard: Heard, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while True:
                heard.events.extend(await receiver.receive())

    async def _make_news(self, room: Room) -> None:
        """Let something happen on every channel."""
        await room.rest(room.order(away=4))
        room.stage.move(5)
        await room.settle()
        room.stage.stir()
