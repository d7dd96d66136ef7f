from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from perpmaker.clock import Clock, LoopClock
from perpmaker.connector.abilities import Amending, VenueStops
from perpmaker.connector.interface import AmendOrder, CancelOrder, EventReceiver
from perpmaker.errors import ConnectivityError, RefusedError
from perpmaker.model.event import (
    BalanceReported,
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    FeedAlive,
    MarkChanged,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    CancelCause,
    NewOrder,
    OrderKind,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    Slot,
    StopTrigger,
)
from perpmaker.model.outcome import Accepted, Outcome, Rejected
from perpmaker.model.position import MarginMode
from perpmaker.model.refusal import RefusalReason
from perpmaker.paper.connector import PaperConnector
from perpmaker.simulation.rules import MARKETS

pytestmark = pytest.mark.anyio

INSTRUMENT = attrs.evolve(
    MARKETS["BTC-USDT"].instrument,
    lot=Decimal(1),
    min_amount=Decimal(1),
    max_amount=Decimal(1_000),
    max_market_amount=Decimal(1_000),
    min_notional=Decimal(5),
)
BOOK = BookSnapshot(bids=((999, 10), (998, 20)), asks=((1001, 10), (1002, 20)), venue_ms=1_000)
MARK = MarkChanged(
    mark=Decimal(100), index=Decimal(100), funding_rate=Decimal("0.0001"), next_funding_ms=None, venue_ms=1_000
)


class ScriptedFeed:
    """A stream of the venue that says what a test says; `close` ends it."""

    stall_s: float | None = 10.0

    def __init__(self, *channels: Channel) -> None:
        self.channels = frozenset(channels)
        self.opened = 0
        self._sender: MemoryObjectSendStream[Sequence[Event]]
        self._receiver: MemoryObjectReceiveStream[Sequence[Event]]

    def say(self, *events: Event) -> None:
        """These events arrive together."""
        self._sender.send_nowait(events)

    def close(self) -> None:
        """The connection ends."""
        self._sender.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Connect."""
        self.opened += 1
        self._sender, self._receiver = anyio.create_memory_object_stream[Sequence[Event]](math.inf)

        with self._sender, self._receiver:
            yield self

    async def receive(self) -> Sequence[Event]:
        """What the test says next."""
        try:
            return await self._receiver.receive()
        except anyio.EndOfStream:
            raise ConnectivityError("it ended") from None


class LookedAt:
    """A venue that is looked at and nothing else: any command or question about the account fails the test."""

    name = "made_up"

    def __init__(self) -> None:
        self.book = ScriptedFeed(Channel.BOOK)
        self.prices = ScriptedFeed(Channel.MARK, Channel.TRADES)
        self.account_feed = ScriptedFeed(Channel.ACCOUNT)

    async def fetch_instrument(self, market: str) -> Instrument:
        """The rules."""
        assert market == INSTRUMENT.market

        return INSTRUMENT

    def feeds(self, instrument: Instrument) -> Sequence[ScriptedFeed]:
        """All streams, the private one included."""
        assert instrument is INSTRUMENT

        return self.book, self.prices, self.account_feed


@attrs.define
class Desk:
    """A paper account on a market that a test moves."""

    connector: PaperConnector
    venue: LookedAt
    book: EventReceiver
    prices: EventReceiver
    account: EventReceiver

    async def show(self, *events: Event) -> Sequence[Event]:
        """The venue's book says something; what is passed on."""
        self.venue.book.say(*events)

        return await self.book.receive()

    async def tell(self, *events: Event) -> Sequence[Event]:
        """The venue's prices say something; what is passed on."""
        self.venue.prices.say(*events)

        return await self.prices.receive()

    async def trade(self, taker: Side, ticks: int, lots: int) -> Sequence[Event]:
        """Somebody trades on the venue."""
        return await self.tell(Traded(ticks=ticks, lots=lots, taker=taker, venue_ms=2_000))

    async def place(
        self, side: Side, ticks: int | None, lots: int, *, kind: OrderKind = OrderKind.QUOTE, **how: Any
    ) -> Outcome:
        """Place an order; `how` are further fields, `position_side` among them."""
        slot = Slot(kind, side, 0, how.pop("position_side", PositionSide.NET))
        how.setdefault("type", OrderType.MARKET if ticks is None else OrderType.LIMIT)
        how.setdefault("client_id", f"pm-{side.value}-{ticks}")
        order = NewOrder(slot=slot, lots=lots, ticks=ticks, **how)
        (outcome,) = await self.connector.place(INSTRUMENT, [order])

        return outcome

    async def position(self) -> tuple[Decimal, Decimal]:
        """Amount and entry of the net position."""
        (position,) = (await self.connector.fetch_account(INSTRUMENT)).positions

        return position.amount, position.entry


@asynccontextmanager
async def open_desk(*, is_known: bool = True, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """Open a paper account with its streams; with `is_known`, book and mark price are there already."""
    venue = LookedAt()
    connector = PaperConnector(
        venue,  # type: ignore[arg-type]  # no more than this may be asked of it
        balance=Decimal(10_000),
        clock=clock or LoopClock(),
    )
    await connector.fetch_instrument("BTC-USDT")
    feeds = connector.feeds(INSTRUMENT)
    assert [feed.channels for feed in feeds] == [
        {Channel.BOOK},
        {Channel.MARK, Channel.TRADES},
        {Channel.ACCOUNT},
    ]

    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(feed.open()) for feed in feeds]
        desk = Desk(connector, venue, *opened)

        if is_known:
            await desk.show(BOOK)
            await desk.tell(MARK)

        yield desk

    assert venue.account_feed.opened == 0


def kinds(events: Sequence[Event]) -> list[type]:
    """What kind of events they are."""
    return [type(event) for event in events]


# --- public data


async def test_book_is_the_venues() -> None:
    """A snapshot and what changes after it are passed on."""
    async with open_desk(is_known=False) as desk:
        (whole,) = await desk.show(BOOK)
        assert isinstance(whole, BookSnapshot)
        assert (whole.bids, whole.asks) == (BOOK.bids, BOOK.asks)
        (changed,) = await desk.show(BookChanged(((999, 4),), ((1001, 0),), 1_100))
        assert isinstance(changed, BookChanged)
        assert (changed.bids, changed.asks) == (((999, 4),), ((1001, 0),))


async def test_our_orders_are_in_the_book_as_a_venue_would_show_it() -> None:
    """They come with the venue's next word: a venue that is silent is not made to look alive by us."""
    async with open_desk() as desk:
        await desk.place(Side.BUY, 1000, 3)

        with anyio.move_on_after(0.05) as scope:
            await desk.book.receive()

        assert scope.cancelled_caught
        (own, news) = await desk.show(BookChanged(((998, 7),), (), 1_100))
        assert isinstance(own, BookChanged)
        assert isinstance(news, BookChanged)
        assert (own.bids, news.bids) == (((1000, 3),), ((998, 7),))
        (whole,) = await desk.show(BOOK)
        assert isinstance(whole, BookSnapshot)
        assert whole.bids == ((1000, 3), *BOOK.bids)


async def test_prices_are_the_venues() -> None:
    """Mark price, index, rate and trades."""
    async with open_desk() as desk:
        mark = attrs.evolve(MARK, mark=Decimal(101), funding_rate=Decimal("-0.002"))
        (passed,) = await desk.tell(mark)
        assert isinstance(passed, MarkChanged)
        assert (passed.mark, passed.index, passed.funding_rate) == (Decimal(101), Decimal(100), Decimal("-0.002"))
        (trade,) = await desk.trade(Side.BUY, 1001, 2)
        assert isinstance(trade, Traded)
        assert (trade.ticks, trade.lots, trade.taker) == (1001, 2, Side.BUY)


async def test_word_that_changes_nothing_proves_that_the_venue_is_alive() -> None:
    """Whatever arrives counts, and what the venue says of itself is passed on as it is."""
    async with open_desk() as desk:
        assert await desk.show(BookChanged((), (), 1_100)) == [FeedAlive(channel=Channel.BOOK)]
        assert await desk.tell(FeedAlive(channel=Channel.TRADES)) == [FeedAlive(channel=Channel.TRADES)]


async def test_lost_book_offers_nothing_until_the_next_snapshot() -> None:
    """Orders stay, a market order finds nobody, and trades are not believed."""
    async with open_desk() as desk:
        await desk.place(Side.BUY, 999, 3)
        assert await desk.show(BookLost(reason="a gap")) == [BookLost(reason="a gap")]
        outcome = await desk.place(Side.BUY, None, 1)
        assert isinstance(outcome, Rejected)
        assert outcome.refusal.code == "NO_LIQUIDITY"
        await desk.trade(Side.SELL, 990, 50)
        assert (await desk.position())[0] == 0
        (whole,) = await desk.show(BOOK)
        assert isinstance(whole, BookSnapshot)
        assert whole.bids == ((999, 13), (998, 20))


async def test_end_of_the_venues_stream_takes_the_book_away() -> None:
    """What nobody shows cannot be traded against."""
    async with open_desk() as desk:
        desk.venue.book.close()

        with pytest.raises(ConnectivityError):
            await desk.book.receive()

    assert isinstance(await desk.place(Side.BUY, None, 1), Rejected)


async def test_book_that_crosses_itself_ends_the_stream() -> None:
    """It is reconnected, and the next snapshot is right."""
    async with open_desk() as desk:
        with pytest.raises(ConnectivityError, match="crosses itself"):
            await desk.show(BookChanged(((1005, 1),), (), 1_100))


# --- orders


async def test_order_waits_for_its_turn_and_is_filled() -> None:
    """Ten stand before it; what a trade leaves is its own, and the account is told everything in order."""
    async with open_desk() as desk:
        outcome = await desk.place(Side.BUY, 999, 3)
        assert isinstance(outcome, Accepted)
        assert outcome.report is not None
        assert outcome.report.status is OrderStatus.OPEN
        (accepted,) = await desk.account.receive()
        assert isinstance(accepted, OrderReported)
        assert accepted.by_stream
        await desk.trade(Side.SELL, 999, 12)
        filled, after, balance, position = await desk.account.receive()
        assert isinstance(filled, OrderFilled)
        assert (filled.fill.client_id, filled.fill.amount, filled.fill.filled_lots) == ("pm-buy-999", Decimal(2), 2)
        assert filled.fill.maker
        assert filled.fill.fee == Decimal("99.9") * 2 * INSTRUMENT.maker_fee
        assert isinstance(after, OrderReported)
        assert (after.report.status, after.report.filled_lots) == (OrderStatus.OPEN, 2)
        assert isinstance(balance, BalanceReported)
        assert balance.balance.wallet == Decimal(10_000) - filled.fill.fee
        assert isinstance(position, PositionReported)
        assert (position.position.amount, position.position.entry) == (Decimal(2), Decimal("99.9"))
        assert await desk.connector.fetch_fills(INSTRUMENT, 0) == [attrs.evolve(filled.fill, filled_lots=None)]


async def test_refusals_are_those_of_a_venue() -> None:
    """Each with the core's reason, and nothing is ever unknown."""
    async with open_desk() as desk:
        await desk.connector.prepare(INSTRUMENT, 5, PositionMode.ONE_WAY, None)
        cases = [
            (await desk.place(Side.BUY, 1001, 1, type=OrderType.POST_ONLY), RefusalReason.POST_ONLY_WOULD_TAKE),
            (await desk.place(Side.BUY, 900, 10_000), RefusalReason.FILTER),
            (await desk.place(Side.BUY, 999, 999), RefusalReason.INSUFFICIENT_MARGIN),
            (await desk.place(Side.SELL, 1002, 1, reduce_only=True), RefusalReason.REDUCE_ONLY),
            *(
                (outcome, RefusalReason.NOT_FOUND)
                for outcome in await desk.connector.cancel(INSTRUMENT, [CancelOrder(client_id="nobody")])
            ),
        ]

        for outcome, reason in cases:
            assert isinstance(outcome, Rejected)
            assert outcome.refusal.reason is reason


async def test_cancelled_order_is_gone() -> None:
    """The answer says so, then the stream, then every question."""
    async with open_desk() as desk:
        await desk.place(Side.SELL, 1005, 4)
        await desk.account.receive()
        assert [order.client_id for order in await desk.connector.fetch_open_orders(INSTRUMENT)] == ["pm-sell-1005"]
        (outcome,) = await desk.connector.cancel(INSTRUMENT, [CancelOrder(client_id="pm-sell-1005")])
        assert isinstance(outcome, Accepted)
        (cancelled,) = await desk.account.receive()
        assert isinstance(cancelled, OrderCancelled)
        assert (cancelled.cause, cancelled.filled_lots) == (CancelCause.REQUESTED, 0)
        assert await desk.connector.fetch_open_orders(INSTRUMENT) == []
        report = await desk.connector.fetch_order(INSTRUMENT, "pm-sell-1005", None)
        assert report is not None
        assert report.status is OrderStatus.CANCELLED
        assert await desk.connector.fetch_order(INSTRUMENT, "nobody", None) is None


async def test_amended_order_rests_elsewhere() -> None:
    """The answer shows it, the stream tells which amend it was; what changes nothing or would take is told apart."""
    slot = Slot(OrderKind.QUOTE, Side.SELL)
    order = NewOrder(client_id="pm-1", slot=slot, lots=6, ticks=1006, type=OrderType.POST_ONLY)

    async with open_desk() as desk:
        assert isinstance(desk.connector, Amending)
        await desk.place(Side.SELL, 1005, 4, client_id="pm-1", type=OrderType.POST_ONLY)
        await desk.account.receive()
        asked = AmendOrder(order=order, venue_id=None, number=3)
        (outcome,) = await desk.connector.amend(INSTRUMENT, [asked])
        assert isinstance(outcome, Accepted)
        told = await desk.account.receive()
        assert [event for event in told if isinstance(event, OrderAmended)] == [
            OrderAmended(client_id="pm-1", ticks=1006, lots=6, venue_ms=outcome.venue_ms, number=3)
        ]

        (again,) = await desk.connector.amend(INSTRUMENT, [asked])
        assert isinstance(again, Rejected)
        assert again.refusal.reason is RefusalReason.UNCHANGED

        taking = AmendOrder(order=attrs.evolve(order, ticks=990), venue_id=None, number=4)
        (ended,) = await desk.connector.amend(INSTRUMENT, [taking])
        assert isinstance(ended, Accepted)
        assert ended.report is not None
        assert ended.report.status is OrderStatus.CANCELLED


async def test_market_order_takes_what_is_displayed() -> None:
    """Best price first, at the taker's fee; what is taken is missing until the level changes."""
    async with open_desk() as desk:
        await desk.place(Side.BUY, None, 15)
        amount, entry = await desk.position()
        assert (amount, entry) == (Decimal(15), Decimal("100.13333333"))
        (taken,) = await desk.show(BookChanged((), (), 1_100))
        assert isinstance(taken, BookChanged)
        assert taken.asks == ((1001, 0), (1002, 15))
        (balance,) = (await desk.connector.fetch_account(INSTRUMENT)).assets
        assert balance.asset == "USDT"
        assert balance.wallet == 10_000 - Decimal(1502) * INSTRUMENT.taker_fee


async def test_stop_rests_at_the_exchange_and_its_fills_carry_its_name() -> None:
    """At the trigger it becomes a market order for the whole position."""
    async with open_desk() as desk:
        assert isinstance(desk.connector, VenueStops)
        await desk.place(Side.BUY, None, 5)
        slot = Slot(OrderKind.VENUE_STOP, Side.SELL)
        stop = NewOrder(
            client_id="pm-stop",
            slot=slot,
            lots=5,
            ticks=990,
            type=OrderType.VENUE_STOP,
            reduce_only=True,
            trigger=StopTrigger.LAST,
        )
        (outcome,) = await desk.connector.place_stops(INSTRUMENT, [stop])
        assert isinstance(outcome, Accepted)
        assert [one.client_id for one in await desk.connector.fetch_open_stops(INSTRUMENT)] == ["pm-stop"]
        await desk.show(BookChanged(((989, 50),), (), 1_050))
        await desk.account.receive()
        await desk.trade(Side.SELL, 990, 1)
        events = await desk.account.receive()
        fills = [event.fill for event in events if isinstance(event, OrderFilled)]
        assert {fill.client_id for fill in fills} == {"pm-stop"}
        assert sum(fill.amount for fill in fills) == 5
        reports = [event.report for event in events if isinstance(event, OrderReported)]
        assert [(report.client_id, report.status) for report in reports][-1] == ("pm-stop", OrderStatus.FILLED)
        assert all(report.triggered for report in reports)
        assert (await desk.position())[0] == 0
        asked = await desk.connector.fetch_stop(INSTRUMENT, "pm-stop")
        assert asked is not None
        assert asked.status is OrderStatus.FILLED
        assert await desk.connector.fetch_open_stops(INSTRUMENT) == []


async def test_stop_can_be_taken_off() -> None:
    """And one that the price has passed already is refused."""
    async with open_desk() as desk:
        await desk.place(Side.BUY, None, 5)
        slot = Slot(OrderKind.VENUE_STOP, Side.SELL)
        stop = NewOrder(client_id="pm-stop", slot=slot, lots=5, ticks=990, type=OrderType.VENUE_STOP, reduce_only=True)
        passed = attrs.evolve(stop, client_id="pm-passed", ticks=1100)
        outcomes = await desk.connector.place_stops(INSTRUMENT, [stop, passed])
        assert isinstance(outcomes[1], Rejected)
        assert outcomes[1].refusal.reason is RefusalReason.WOULD_TRIGGER
        (gone,) = await desk.connector.cancel_stops(INSTRUMENT, [CancelOrder(client_id="pm-stop")])
        assert isinstance(gone, Accepted)
        assert gone.report is not None
        assert gone.report.status is OrderStatus.CANCELLED


# --- the account


async def test_account_is_set_and_read_back() -> None:
    """Leverage, position mode and margin mode; setting them again is success."""
    async with open_desk() as desk:
        for _ in range(2):
            found = await desk.connector.prepare(INSTRUMENT, 7, PositionMode.HEDGE, MarginMode.ISOLATED)
            assert (found.leverage, found.position_mode, found.margin_mode) == (
                7,
                PositionMode.HEDGE,
                MarginMode.ISOLATED,
            )
            assert await desk.connector.fetch_settings(INSTRUMENT) == found

        assert len((await desk.connector.fetch_account(INSTRUMENT)).positions) == 2


async def test_setting_that_open_orders_forbid_is_refused() -> None:
    """In the words of the exchange."""
    async with open_desk() as desk:
        await desk.place(Side.BUY, 990, 1)

        with pytest.raises(RefusedError, match="open orders exist"):
            await desk.connector.prepare(INSTRUMENT, 7, PositionMode.HEDGE, None)


async def test_closing_order_in_hedge_mode_is_said_by_its_position_side() -> None:
    """Long and short beside each other, each closed by its own side."""
    async with open_desk() as desk:
        await desk.connector.prepare(INSTRUMENT, 5, PositionMode.HEDGE, None)
        await desk.place(Side.BUY, None, 2, position_side=PositionSide.LONG)
        await desk.place(Side.SELL, None, 3, position_side=PositionSide.SHORT)
        closing = await desk.place(
            Side.SELL, 999, 2, position_side=PositionSide.LONG, reduce_only=True, kind=OrderKind.TAKE_PROFIT
        )
        assert isinstance(closing, Accepted)
        positions = {
            position.side: position.amount for position in (await desk.connector.fetch_account(INSTRUMENT)).positions
        }
        assert positions == {PositionSide.LONG: Decimal(0), PositionSide.SHORT: Decimal(-3)}


async def test_each_account_has_a_name_of_its_own() -> None:
    """A journal of an earlier paper account is never met again."""
    clock = LoopClock()

    async with open_desk(clock=clock) as desk:
        await anyio.sleep(0.005)

        async with open_desk(clock=clock) as other:
            assert desk.connector.account != other.connector.account
            assert desk.connector.name == "made_up"
