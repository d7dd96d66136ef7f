"""Stops that rest on the venue, the dead-man switch and the key's rights, against the sandbox on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.abilities import DeadManSwitch, KeyPermissions, VenueStops
from perpmaker.connector.interface import CancelOrder, ConnectorContext, Environment, SandboxAccess
from perpmaker.model.event import Channel, Event, OrderFilled, OrderReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.outcome import Accepted, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import ACCOUNT, Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.waiting import until_heard
from perpmaker.wire.fault import Fault
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.connector import BinancePerpetual, open_connector
from perpmaker_binance_perpetual.messages import AlgoOrder
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.settings import Settings, key_url
from perpmaker_binance_perpetual.stops import stop_parameters, translate_stop

pytestmark = pytest.mark.anyio

ALGO = "/fapi/v1/algoOrder"


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Countdowns and deadlines pass on virtual time."""
    return virtual_time


@attrs.frozen(kw_only=True)
class Room:
    """A sandbox, a connector to it, and its market."""

    sandbox: Sandbox
    connector: BinancePerpetual
    instrument: Instrument
    clock: LoopClock
    context: ConnectorContext

    @property
    def price_ticks(self) -> int:
        """The mark price in ticks."""
        return self.instrument.ticks_down(self.sandbox.exchange.mark)

    def stop(self, distance: float, number: int = 1, side: Side = Side.SELL, lots: int = 10) -> NewOrder:
        """A stop of a position at a share of the price below it (of a short: above)."""
        ticks = int(self.price_ticks * (1 - distance * -side.sign))
        slot = Slot(OrderKind.VENUE_STOP, side)

        return NewOrder(
            client_id=f"pm-s-1-{number}",
            slot=slot,
            lots=lots,
            ticks=ticks,
            type=OrderType.VENUE_STOP,
            reduce_only=True,
        )

    async def buy(self, lots: int = 10) -> None:
        """Open a long position at market."""
        order = NewOrder(
            client_id="pm-s-1-90", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=lots, ticks=None, type=OrderType.MARKET
        )
        (outcome,) = await self.connector.place(self.instrument, [order])
        assert isinstance(outcome, Accepted), outcome

    def account_feed(self, connector: BinancePerpetual | None = None) -> Any:
        """The feed of the account, of this connector or another."""
        feeds = (connector or self.connector).feeds(self.instrument)

        return next(feed for feed in feeds if Channel.ACCOUNT in feed.channels)

    def jump(self, factor: float) -> None:
        """Move the market."""
        assert isinstance(self.sandbox.market, SyntheticMarket)
        self.sandbox.market.jump(factor)


@asynccontextmanager
async def open_room(**options: Any) -> AsyncIterator[Room]:
    """Serve a sandbox with these options and open a connector to it."""
    network, clock = MemoryNetwork(latency_s=0.001), LoopClock()
    settings = SandboxSettings(venue="binance_perpetual", seed=5, options=options)

    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            open_sandbox(dialect(), settings, clock=clock, listener=await network.listen())
        )
        access = SandboxAccess(url=sandbox.line.url, api_key=sandbox.keys.api_key, api_secret=sandbox.keys.api_secret)
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(Path(), environ={}),
            environment=Environment.SANDBOX,
            sandbox=access,
        )
        connector = await stack.enter_async_context(open_connector(Settings(deadline_s=1.0), context))
        instrument = await connector.fetch_instrument("BTC-USDT")
        await connector.prepare(instrument, 3, PositionMode.ONE_WAY, None)

        yield Room(sandbox=sandbox, connector=connector, instrument=instrument, clock=clock, context=context)


def reports(events: list[Event], client_id: str) -> list[OrderReport]:
    """The reports of one order among events."""
    return [e.report for e in events if isinstance(e, OrderReported) and e.report.client_id == client_id]


async def test_a_stop_rests_apart_from_orders_and_is_cancelled_by_client_id() -> None:
    """It is in the list of stops and in no other, is found by its id, and gone after the cancel."""
    async with open_room() as room:
        assert isinstance(room.connector, VenueStops)
        await room.buy()
        stop = room.stop(0.05)
        (placed,) = await room.connector.place_stops(room.instrument, [stop])
        (listed,) = await room.connector.fetch_open_stops(room.instrument)
        regular = await room.connector.fetch_open_orders(room.instrument)
        (gone,) = await room.connector.cancel_stops(room.instrument, [CancelOrder(client_id=stop.client_id)])
        (again,) = await room.connector.cancel_stops(room.instrument, [CancelOrder(client_id=stop.client_id)])
        after = await room.connector.fetch_stop(room.instrument, stop.client_id)
        unheard_of = await room.connector.fetch_stop(room.instrument, "pm-s-1-55")

    assert isinstance(placed, Accepted)
    assert (listed.client_id, listed.ticks, listed.type) == (stop.client_id, stop.ticks, OrderType.VENUE_STOP)
    assert (listed.status, listed.triggered, regular) == (OrderStatus.OPEN, False, [])
    assert isinstance(gone, Accepted)
    assert isinstance(again, Rejected)
    assert again.refusal.reason is RefusalReason.NOT_FOUND
    assert after is not None
    assert after.status is OrderStatus.CANCELLED
    assert unheard_of is None


async def test_F44_a_stop_beyond_the_price_is_refused_as_triggering_at_once() -> None:
    """The refusal carries our reason, so that the position is closed here."""
    async with open_room() as room:
        await room.buy()
        (outcome,) = await room.connector.place_stops(room.instrument, [room.stop(-0.05)])

    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.WOULD_TRIGGER


async def test_F45_a_second_stop_of_a_position_is_refused_and_the_connector_says_so_beforehand() -> None:
    """Two may not rest beside each other: the old one has to go first."""
    async with open_room() as room:
        await room.buy()
        first, second = await room.connector.place_stops(room.instrument, [room.stop(0.05), room.stop(0.04, number=2)])

        assert not room.connector.allows_two_stops

    assert {type(first), type(second)} == {Accepted, Rejected}


async def test_F44_a_stop_whose_answer_is_lost_is_unknown_and_found_by_its_id() -> None:
    """It is never sent twice; the venue is asked."""
    async with open_room() as room:
        await room.buy()
        room.sandbox.faults.add(Fault(method="POST", path=ALGO, act="drop", when="after"))
        (outcome,) = await room.connector.place_stops(room.instrument, [room.stop(0.05)])
        found = await room.connector.fetch_stop(room.instrument, "pm-s-1-1")
        room.sandbox.faults.add(Fault(method="DELETE", path=ALGO, act="drop", when="after"))
        (cancel,) = await room.connector.cancel_stops(room.instrument, [CancelOrder(client_id="pm-s-1-1")])

    assert isinstance(outcome, Unknown)
    assert found is not None
    assert found.status is OrderStatus.OPEN
    assert isinstance(cancel, Unknown)


@pytest.mark.parametrize("lite", [False, True])
async def test_a_triggered_stop_tells_its_story_and_its_fills_are_its_own(*, lite: bool) -> None:
    """NEW, then triggered, then finished; the fills of the order it became carry the stop's id, streamed or asked."""
    async with open_room(trade_lite=lite) as room:
        await room.buy()
        stop = room.stop(0.02)

        async with room.account_feed().open() as receiver:
            await room.connector.place_stops(room.instrument, [stop])
            market = room.sandbox.exchange
            assert market.conditional_orders(ACCOUNT)
            room.jump(0.96)
            events = await until_heard(
                receiver,
                lambda e: isinstance(e, OrderReported) and e.report.status is OrderStatus.FILLED,
            )

        asked = await room.connector.fetch_fills(room.instrument, room.clock.utc_ms() - 120_000)
        found = await room.connector.fetch_stop(room.instrument, stop.client_id)
        positions = (await room.connector.fetch_account(room.instrument)).positions

    story = reports(events, stop.client_id)
    fills = [event.fill for event in events if isinstance(event, OrderFilled)]
    assert (story[0].raw_status, story[0].triggered) == ("NEW", False)
    assert story[-1].triggered
    assert story[-1].filled_lots == 10
    assert {fill.client_id for fill in fills} == {stop.client_id}
    assert sum(fill.amount for fill in fills) == room.instrument.amount(10)
    assert {fill.client_id for fill in asked if fill.side is Side.SELL} == {stop.client_id}
    assert found is not None
    assert (found.status, found.triggered) == (OrderStatus.FILLED, True)
    assert all(position.amount == 0 for position in positions)
    assert not [e for e in events if isinstance(e, OrderReported) and e.report.client_id != stop.client_id]


async def test_F71_fills_of_a_stop_that_an_earlier_run_left_are_its_own() -> None:
    """Whoever lists the stops knows afterwards which order comes of them, before the venue tells its number."""
    async with open_room() as room:
        await room.buy()
        stop = room.stop(0.02)
        await room.connector.place_stops(room.instrument, [stop])

        async with open_connector(Settings(), room.context) as later:
            assert [one.client_id for one in await later.fetch_open_stops(room.instrument)] == [stop.client_id]

            async with room.account_feed(later).open() as receiver:
                room.jump(0.96)
                events = await until_heard(receiver, lambda e: isinstance(e, OrderFilled))

    fills = [event.fill for event in events if isinstance(event, OrderFilled)]
    assert {fill.client_id for fill in fills} == {stop.client_id}


@pytest.mark.parametrize(
    ("word", "executed", "status", "triggered"),
    [
        ("NEW", "", OrderStatus.OPEN, False),
        ("FINISHED", "0", OrderStatus.CANCELLED, True),
        ("SOMETHING_NEW", None, None, False),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("TRIGGERING", "", OrderStatus.OPEN, True),
                ("TRIGGERED", "0", OrderStatus.OPEN, True),
                ("FINISHED", "0.010", OrderStatus.FILLED, True),
                ("REJECTED", None, OrderStatus.REFUSED, True),
                ("CANCELED", None, OrderStatus.CANCELLED, False),
                ("EXPIRED", None, OrderStatus.CANCELLED, False),
            )
        ),
    ],
)
def test_F19_every_status_of_a_stop_has_its_meaning_and_an_unknown_one_none(
    instrument: Instrument, word: str, executed: str | None, status: OrderStatus | None, *, triggered: bool
) -> None:
    """An unknown word is kept as it came and proves nothing."""
    order = AlgoOrder(
        algoId=1,
        clientAlgoId="a",
        symbol="BTCUSDT",
        side="SELL",
        algoStatus=word,
        triggerPrice="59000.0",
        actualQty=executed,
    )
    report = translate_stop(order, instrument)

    assert (report.status, report.raw_status, report.triggered) == (status, word, triggered)


def test_F59_a_trigger_between_two_ticks_is_none(instrument: Instrument) -> None:
    """A stop that is older than the market's tick does not keep the others from being read."""
    order = AlgoOrder(algoId=1, clientAlgoId="a", side="SELL", algoStatus="NEW", triggerPrice="59000.05")

    assert translate_stop(order, instrument).ticks is None


def test_hedge_stops_name_the_position_they_close(instrument: Instrument) -> None:
    """The whole position by a position side, and neither an amount nor reduceOnly."""
    slot = Slot(OrderKind.VENUE_STOP, Side.BUY, 0, PositionSide.SHORT)
    order = NewOrder(client_id="pm-1", slot=slot, lots=5, ticks=600_000, type=OrderType.VENUE_STOP, reduce_only=True)
    parameters = stop_parameters(instrument, order)

    assert parameters["positionSide"] == "SHORT"
    assert parameters["triggerPrice"] == "60000.0"
    assert parameters["closePosition"] == "true"
    assert not {"quantity", "reduceOnly"} & set(parameters)


async def test_the_switch_cancels_orders_when_nothing_is_heard_and_leaves_stops() -> None:
    """Armed anew it waits on, disarmed it never fires; the sandbox's switch leaves conditional orders."""
    async with open_room() as room:
        connector, instrument = room.connector, room.instrument
        assert isinstance(connector, DeadManSwitch)
        await room.buy()
        quote = NewOrder(
            client_id="pm-s-1-7",
            slot=Slot(OrderKind.QUOTE, Side.BUY),
            lots=10,
            ticks=room.price_ticks - 5000,
            type=OrderType.POST_ONLY,
        )
        await connector.place(instrument, [quote])
        await connector.place_stops(instrument, [room.stop(0.2)])
        await connector.arm(instrument, 5.0)
        await anyio.sleep(4)
        await connector.arm(instrument, 5.0)
        await anyio.sleep(4)
        alive = len(await connector.fetch_open_orders(instrument))
        await connector.disarm(instrument)
        await anyio.sleep(10)
        disarmed = len(await connector.fetch_open_orders(instrument))
        await connector.arm(instrument, 5.0)
        await anyio.sleep(6)
        dead = len(await connector.fetch_open_orders(instrument))
        stops = len(await connector.fetch_open_stops(instrument))

    assert (alive, disarmed, dead, stops) == (1, 1, 0, 1)
    assert "profit-taking" in connector.switch_takes


@pytest.mark.parametrize("withdrawals", [False, True])
async def test_the_key_tells_what_it_may_do(*, withdrawals: bool) -> None:
    """Reading, trading, withdrawing, and whether it is bound to an address."""
    async with open_room(withdrawals=withdrawals, ip_restricted=not withdrawals) as room:
        assert isinstance(room.connector, KeyPermissions)
        rights = await room.connector.fetch_key_rights()

    assert rights is not None
    assert (rights.can_read, rights.can_trade, rights.can_transfer) == (True, True, False)
    assert (rights.can_withdraw, rights.ip_restricted) == (withdrawals, not withdrawals)


def test_a_live_key_is_asked_about_on_the_spot_host_and_a_testnet_key_nowhere() -> None:
    """Only production tells; an address on this machine stands in for all of it."""
    here = Settings(environment=Environment.LIVE, rest_url="http://127.0.0.1:9")

    assert key_url(Settings(environment=Environment.LIVE), Environment.LIVE, None) == "https://api.binance.com"
    assert key_url(Settings(environment=Environment.TESTNET), Environment.TESTNET, None) is None
    assert key_url(here, Environment.LIVE, None) == "http://127.0.0.1:9"
