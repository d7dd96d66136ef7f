"""Rows of the fault matrix that the connector answers for, against the sandbox's own faults, on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import CancelOrder, ConnectorContext, Environment, EventReceiver, SandboxAccess
from perpmaker.errors import ConnectivityError, PayloadError, RateLimitedError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Channel, Event, FeedAlive
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.wire.fault import Fault, Reply
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.connector import BinancePerpetual, open_connector
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.settings import Settings

pytestmark = pytest.mark.anyio

ORDER = "/fapi/v1/order"
BATCH = "/fapi/v1/batchOrders"
FAR = 5000
"""Ticks below any market price, so that a quote rests."""


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Deadlines pass on virtual time."""
    return virtual_time


@attrs.frozen(kw_only=True)
class Room:
    """A sandbox with faults, a connector to it, and a market ready to trade."""

    sandbox: Sandbox
    connector: BinancePerpetual
    clock: LoopClock
    network: MemoryNetwork
    instrument: Instrument
    bid: int

    def fault(self, **values: Any) -> None:
        """Arm a fault in the sandbox's server."""
        self.sandbox.faults.add(Fault(**values))

    def quote(self, number: int = 0) -> NewOrder:
        """A quote that rests far from the market."""
        slot = Slot(OrderKind.QUOTE, Side.BUY, number)

        return NewOrder(
            client_id=f"pm-f-1-{number}", slot=slot, lots=10, ticks=self.bid - FAR - number, type=OrderType.POST_ONLY
        )

    def feed(self, channel: Channel) -> Any:
        """The feed that keeps a channel alive."""
        return next(feed for feed in self.connector.feeds(self.instrument) if channel in feed.channels)

    async def open_ids(self) -> set[str]:
        """The client ids that rest on the venue."""
        return {report.client_id for report in await self.connector.fetch_open_orders(self.instrument)}


@asynccontextmanager
async def open_room(settings: Settings | None = None, **options: Any) -> AsyncIterator[Room]:
    """Open everything and learn where the market stands."""
    network, clock = MemoryNetwork(latency_s=0.001), LoopClock()
    listener = await network.listen("127.0.0.1", 0)
    sandbox_settings = SandboxSettings(venue="binance_perpetual", seed=3, options=options)

    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            open_sandbox(dialect(), sandbox_settings, clock=clock, listener=listener)
        )
        access = SandboxAccess(url=sandbox.line.url, api_key=sandbox.keys.api_key, api_secret=sandbox.keys.api_secret)
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(Path(), environ={}),
            environment=Environment.SANDBOX,
            sandbox=access,
        )
        connector = await stack.enter_async_context(open_connector(settings or Settings(deadline_s=1.0), context))
        instrument = await connector.fetch_instrument("BTC-USDT")
        book = next(feed for feed in connector.feeds(instrument) if Channel.BOOK in feed.channels)

        async with book.open() as receiver:
            snapshot = next(event for event in await receiver.receive() if isinstance(event, BookSnapshot))

        bid = max(ticks for ticks, _ in snapshot.bids)

        yield Room(sandbox=sandbox, connector=connector, clock=clock, network=network, instrument=instrument, bid=bid)


async def place(room: Room, *orders: NewOrder) -> list[Outcome]:
    """Place orders and return their outcomes."""
    return list(await room.connector.place(room.instrument, orders))


async def drain(receiver: EventReceiver) -> None:
    """Receive until the stream ends."""
    with anyio.fail_after(20):
        while True:
            await receiver.receive()


async def test_F04_a_post_lost_before_the_venue_is_unknown_and_not_sent_again() -> None:
    """The outcome is unknown, the venue has nothing, and the connector has sent one request."""
    async with open_room() as room:
        room.fault(act="drop", when="before", method="POST", path=ORDER)
        started = room.clock.now()
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Unknown)
        assert started <= outcome.signed_at < started + 0.1
        assert await room.open_ids() == set()
        assert await room.connector.fetch_order(room.instrument, outcome.client_id, None) is None


async def test_F05_a_post_whose_answer_is_lost_is_unknown_and_found_by_its_id() -> None:
    """The order lives: asking by its own id finds it."""
    async with open_room() as room:
        room.fault(act="drop", when="after", method="POST", path=ORDER)
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Unknown)
        assert await room.open_ids() == {outcome.client_id}
        report = await room.connector.fetch_order(room.instrument, outcome.client_id, None)
        assert report is not None
        assert report.client_id == outcome.client_id


async def test_F06_a_post_that_arrives_after_its_window_is_refused_by_the_venue() -> None:
    """Once the fence has passed the venue itself turns the late request away, so not found is proof."""
    async with open_room() as room:
        room.fault(act="delay", when="before", arg=5.0, method="POST", path=ORDER)
        (outcome,) = await place(room, room.quote())
        assert isinstance(outcome, Unknown)

        await anyio.sleep(max(0.0, outcome.signed_at + room.connector.fence_s - room.clock.now()))
        assert await room.connector.fetch_order(room.instrument, outcome.client_id, None) is None
        await anyio.sleep(10)
        assert await room.open_ids() == set()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_F08_a_cancel_without_an_answer_is_unknown(when: str) -> None:
    """Whether or not the venue saw it, the order may still live."""
    async with open_room() as room:
        await place(room, room.quote())
        room.fault(act="drop", when=when, method="DELETE", path=ORDER)
        (outcome,) = await room.connector.cancel(room.instrument, [CancelOrder(client_id="pm-f-1-0")])

        assert isinstance(outcome, Unknown)
        assert await room.open_ids() == ({"pm-f-1-0"} if when == "before" else set())


async def test_F10_one_of_two_batches_is_lost() -> None:
    """Each chunk of five is judged by its own answer."""
    async with open_room() as room:
        room.fault(act="drop", when="after", method="POST", path=BATCH)
        outcomes = await place(room, *(room.quote(number) for number in range(10)))

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Accepted"] * 5 + ["Unknown"] * 5
        assert len(await room.open_ids()) == 10


@pytest.mark.each_value
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_F11_a_server_error_on_the_order_path_is_unknown(status: int, when: str) -> None:
    """With either meaning of a server error the outcome is the same, and the venue is to be asked."""
    async with open_room() as room:
        reply = Reply(status=status, headers={"content-type": "text/html"}, body="<html>sorry</html>")
        room.fault(act="status", when=when, arg=reply, method="POST", path=ORDER)
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Unknown)
        assert await room.open_ids() == (set() if when == "before" else {"pm-f-1-0"})


async def test_F12_after_429_quotes_wait_and_cancels_go_on() -> None:
    """New orders are refused unsent until Retry-After has passed; the reserve serves cancels meanwhile."""
    async with open_room() as room:
        await place(room, room.quote(0))
        reply = Reply(status=429, headers={"retry-after": "7"}, body='{"code":-1003,"msg":"Too many requests."}')
        room.fault(act="status", when="before", arg=reply, method="POST", path=ORDER)
        refused = [*await place(room, room.quote(1)), *await place(room, room.quote(2))]

        assert all(
            isinstance(outcome, Rejected) and outcome.refusal.reason is RefusalReason.RATE_LIMIT for outcome in refused
        )
        (gone,) = await room.connector.cancel(room.instrument, [CancelOrder(client_id="pm-f-1-0")])
        assert isinstance(gone, Accepted)

        await anyio.sleep(7.5)
        (outcome,) = await place(room, room.quote(3))
        assert isinstance(outcome, Accepted)


@pytest.mark.parametrize("headers", [{"retry-after": "120"}, {}], ids=["said", "not said"])
async def test_F13_a_ban_stops_everything_until_it_ends(headers: dict[str, str]) -> None:
    """After 418 not one request leaves, cancels included; where it does not say for how long, for two minutes."""
    async with open_room() as room:
        reply = Reply(status=418, headers=headers, body="{}")
        room.fault(act="status", when="before", arg=reply, method="GET", path="/fapi/v1/openOrders")

        with pytest.raises(RateLimitedError):
            await room.connector.fetch_open_orders(room.instrument)

        await anyio.sleep(110)
        (outcome,) = await room.connector.cancel(room.instrument, [CancelOrder(client_id="pm-f-1-0")])
        assert isinstance(outcome, Rejected)
        assert outcome.refusal.reason is RefusalReason.RATE_LIMIT

        await anyio.sleep(11)
        assert await room.open_ids() == set()


async def test_F15_a_trickling_answer_ends_at_the_deadline() -> None:
    """The deadline is for the whole call, not for each byte."""
    async with open_room() as room:
        room.fault(act="body", when="after", arg=Reply(trickle_s=0.5), method="POST", path=ORDER)
        started = room.clock.now()
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Unknown)
        assert room.clock.now() - started < 1.5


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"code":"x"}',
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "<html>all is well</html>",
                '{"orderId":1',
                "{}",
            )
        ),
    ],
)
async def test_F18_a_garbled_answer_to_an_order_is_unknown(body: str) -> None:
    """HTTP 200 with nonsense proves nothing; the order is found by its id."""
    async with open_room() as room:
        room.fault(act="body", when="after", arg=body, method="POST", path=ORDER)
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Unknown)
        assert await room.open_ids() == {"pm-f-1-0"}


async def test_F18_a_garbled_answer_to_a_question_is_no_answer() -> None:
    """What is not JSON may be asked again; JSON of a wrong shape is named as what it is."""
    async with open_room() as room:
        room.fault(act="body", when="after", arg="<html>", method="GET", path="/fapi/v1/openOrders")
        room.fault(act="body", when="after", arg='[{"symbol":"BTCUSDT"}]', method="GET", path="/fapi/v3/positionRisk")

        with pytest.raises(ConnectivityError):
            await room.connector.fetch_open_orders(room.instrument)

        with pytest.raises(PayloadError, match="positionSide"):
            await room.connector.fetch_account(room.instrument)


async def test_F18_malformed_frames_are_dropped_until_there_are_too_many() -> None:
    """One bad frame costs one frame; more than five in ten seconds cost the connection."""
    async with open_room() as room:
        room.fault(act="body", method="WS", path="/market/", arg="<oops>", contains="markPrice", times=3)

        async with room.feed(Channel.MARK).open() as receiver:
            seen: list[Event] = []

            with anyio.fail_after(20):
                while not any(isinstance(event, FeedAlive) for event in seen):
                    seen.extend(await receiver.receive())

            assert receiver.tolerance.malformed == 3
            room.fault(act="body", method="WS", path="/market/", arg="<oops>", times=None)

            with pytest.raises(ConnectivityError, match="cannot be understood"):
                await drain(receiver)


async def test_F23_a_closed_stream_ends_with_a_connectivity_error() -> None:
    """The supervisor is told, and opening again works."""
    async with open_room() as room:
        for _ in range(2):
            async with room.feed(Channel.BOOK).open() as receiver:
                await receiver.receive()
                await room.sandbox.faults.inject(Fault(act="close", when="now", method="WS", path="/public/", arg=1012))

                with pytest.raises(ConnectivityError):
                    await drain(receiver)


async def test_F28_a_lost_book_message_is_found_and_mended_on_the_same_socket() -> None:
    """The gap loses the book at once; a snapshot restores it without a new connection."""
    async with open_room() as room, room.feed(Channel.BOOK).open() as receiver:
        assert isinstance((await receiver.receive())[0], BookSnapshot)
        room.fault(act="drop", method="WS", path="/public/")
        seen: list[Event] = []

        with anyio.fail_after(10):
            while not any(isinstance(event, BookSnapshot) for event in seen):
                seen.extend(await receiver.receive())

        kinds = [type(event) for event in seen]
        assert BookLost in kinds
        assert kinds.index(BookLost) < kinds.index(BookSnapshot)
        assert set(kinds[: kinds.index(BookLost)]) <= {BookChanged}


async def test_F66_a_wrong_idea_of_the_venues_clock_is_mended_by_the_first_refusal() -> None:
    """A place is refused for certain, not repeated; whatever may be repeated is, with the clock measured anew."""
    async with open_room() as room:
        room.connector.client.server_clock.observe(0.0, 0.0, 0)
        (outcome,) = await place(room, room.quote(0))
        assert isinstance(outcome, Rejected)
        assert outcome.refusal.reason is RefusalReason.TIMESTAMP

        (outcome,) = await place(room, room.quote(1))
        assert isinstance(outcome, Accepted)

        room.connector.client.server_clock.observe(0.0, 0.0, 0)
        assert await room.open_ids() == {"pm-f-1-1"}

        room.connector.client.server_clock.observe(0.0, 0.0, 0)
        (gone,) = await room.connector.cancel(room.instrument, [CancelOrder(client_id="pm-f-1-1")])
        assert isinstance(gone, Accepted)


async def test_F66_the_venues_clock_may_be_anywhere() -> None:
    """A venue an hour and a half ahead of this machine is traded all the same."""
    async with open_room(server_time_offset_ms=5_400_000) as room:
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Accepted)


async def test_what_cannot_be_sent_is_rejected_for_certain() -> None:
    """Nobody listens any more: not one byte left, so the order never was."""
    async with open_room() as room:
        await room.network.reset_connections()
        room.network.forget("127.0.0.1", int(room.sandbox.line.url.rpartition(":")[2]))
        (outcome,) = await place(room, room.quote())

        assert isinstance(outcome, Rejected)
        assert outcome.refusal.reason is RefusalReason.BUSY
        assert "nobody listens" in outcome.refusal.text
