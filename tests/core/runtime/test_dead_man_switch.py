"""The dead-man switch on virtual time: a venue that counts down, and everything that may go wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import Clock, LoopClock
from perpmaker.connector.abilities import DeadManSwitch
from perpmaker.errors import AuthenticationError, ConnectivityError, RateLimitedError, VenueError
from perpmaker.execution.dispatch import Gate
from perpmaker.model.event import OrderReported, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport, OrderStatus, OrderType, PositionSide, Side
from perpmaker.runtime.dead_man_switch import SwitchKeeper
from perpmaker.testing.view import make_account, make_instrument

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Countdowns pass on virtual time."""
    return virtual_time


@attrs.define
class CountingVenue:
    """Counts down; `fault` is what every call raises while it is set."""

    clock: Clock
    ends_at: float | None = None
    beats: list[float] = attrs.field(factory=list)
    late_s: float | None = None
    disarmed: int = 0
    asked: int = 0
    fault: VenueError | None = None
    switch_takes: str = "all of it"
    arrives_at: float | None = None

    async def arm(self, instrument: Instrument, seconds: float) -> None:
        """Start the countdown."""
        self.asked += 1
        self._answer(instrument)

        if self.late_s is not None:
            self.arrives_at = self.clock.now() + self.late_s
            await anyio.sleep_forever()

        self.beats.append(self.clock.now())
        self.ends_at = self.clock.now() + seconds

    async def disarm(self, instrument: Instrument) -> None:
        """Stop the countdown."""
        self._answer(instrument)
        self._arrive()
        self.disarmed += 1
        self.ends_at = None

    def _answer(self, instrument: Instrument) -> None:
        assert instrument.market == "BTC-USDT"

        if self.fault is not None:
            raise self.fault

    def _arrive(self) -> None:
        """Take in a call that was under way for a while."""
        if self.arrives_at is not None and self.clock.now() >= self.arrives_at:
            self.arrives_at, self.ends_at = None, self.arrives_at + 30

    def counts(self) -> bool:
        """Whether it counts, and has not ended."""
        self._arrive()

        return self.ends_at is not None and self.ends_at > self.clock.now()


@attrs.define
class Scene:
    """A switch that is kept, and what was told."""

    venue: CountingVenue
    dead_man: SwitchKeeper
    told: list[str]
    resyncs: list[float]


@asynccontextmanager
async def kept(seconds: float = 30.0, *, takes_foreign: bool = False) -> AsyncIterator[Scene]:
    """Keep a switch of this length; nothing is known of the account yet."""
    clock = LoopClock()
    venue, told, resyncs = CountingVenue(clock), list[str](), list[float]()
    assert isinstance(venue, DeadManSwitch)
    dead_man = SwitchKeeper(
        switch=venue,
        instrument=make_instrument(),
        clock=clock,
        gate=Gate(clock=clock),
        seconds=seconds,
        fence_s=3.0,
        is_ours=lambda client_id: client_id.startswith("pm-"),
        takes_foreign=takes_foreign,
        tell=told.append,
        resync=lambda: resyncs.append(clock.now()),
        emit=lambda _: None,
    )

    async with anyio.create_task_group() as group:
        group.start_soon(dead_man.run)
        yield Scene(venue, dead_man, told, resyncs)
        group.cancel_scope.cancel()


def order(client_id: str, **changes: Any) -> OrderReport:
    """An order that rests."""
    plain = OrderReport(
        client_id=client_id,
        venue_id="1",
        side=Side.BUY,
        position_side=PositionSide.NET,
        status=OrderStatus.OPEN,
        raw_status="NEW",
        ticks=1,
        lots=1,
        filled_lots=0,
        reduce_only=False,
        type=OrderType.LIMIT,
        venue_ms=1,
    )

    return attrs.evolve(plain, **changes)


def account(*orders: OrderReport) -> Resynced:
    """The account as read."""
    return Resynced(
        began_at=0.0, orders=orders, finished=(), fills=(), account=make_account(), venue_ms=int(Decimal(1))
    )


async def test_it_is_armed_once_the_account_is_known_and_kept_alive_every_third() -> None:
    """Not before the first reading; then every 10 s of 30, and what it takes is said once."""
    async with kept() as scene:
        await anyio.sleep(60)
        assert scene.venue.beats == []

        scene.dead_man.see([account(order("pm-1"))])
        await anyio.sleep(35)

    gaps = [later - earlier for earlier, later in zip(scene.venue.beats, scene.venue.beats[1:], strict=False)]
    assert len(scene.venue.beats) == 4
    assert gaps == pytest.approx([10.0, 10.0, 10.0])
    assert len(scene.told) == 1
    assert "all of it" in scene.told[0]
    assert scene.resyncs == []


async def test_a_clean_end_disarms_it_and_a_killed_process_does_not() -> None:
    """After the disarm nothing counts any more."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)

    assert scene.venue.counts()
    await scene.dead_man.disarm()
    assert (scene.venue.counts(), scene.venue.disarmed) == (False, 1)


async def test_a_switch_that_cannot_be_disarmed_is_said() -> None:
    """A person knows then that what was left for the position goes."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)

    scene.venue.fault = ConnectivityError("gone")
    await scene.dead_man.disarm()
    assert "could not be disarmed" in scene.told[-1]


@pytest.mark.parametrize("by_stream", [False, True])
async def test_F51_it_is_not_armed_beside_orders_of_somebody_else(*, by_stream: bool) -> None:
    """A person's order, found by reading or seen on the stream, disarms it; when that is gone it is armed again."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        assert scene.venue.counts()

        theirs = order("web-1")
        scene.dead_man.see([OrderReported(report=theirs, by_stream=True) if by_stream else account(theirs)])
        await anyio.sleep(0.1)
        assert not scene.venue.counts()
        assert "not armed: 1 orders that are not ours" in scene.told[-1]
        assert "dead_man_switch_takes_foreign_orders = true" in scene.told[-1]

        scene.dead_man.see([account(order("pm-3"))])
        await anyio.sleep(0.1)
        assert scene.venue.counts()
        assert "armed" in scene.told[-1]


@pytest.mark.parametrize("by_stream", [False, True])
async def test_F51_it_stays_armed_beside_orders_of_somebody_else_when_that_is_asked_for(*, by_stream: bool) -> None:
    """It goes on beating, and that their orders go with it is said when they come, once, and no more when they went."""
    async with kept(takes_foreign=True) as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        theirs = order("web-1")
        scene.dead_man.see([OrderReported(report=theirs, by_stream=True) if by_stream else account(theirs)])
        await anyio.sleep(60)
        assert scene.venue.counts()
        assert scene.venue.disarmed == 0
        assert len(scene.told) == 2
        assert "orders that are not ours rest there now, and go too" in scene.told[-1]

        scene.dead_man.see([account()])
        await anyio.sleep(1)
        assert "not ours" not in scene.told[-1]
        assert scene.venue.counts()


async def test_what_does_not_rest_is_no_order_of_somebody_else() -> None:
    """Final orders and market orders, such as a liquidation's, are nothing that the switch could take."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        done = order("web-1", status=OrderStatus.FILLED)
        scene.dead_man.see([OrderReported(report=one) for one in (done, order("x", type=OrderType.MARKET))])
        await anyio.sleep(1)
        assert scene.venue.counts()


async def test_F48_a_heartbeat_that_came_too_late_has_everything_read_again() -> None:
    """While the venue was away the countdown may have ended: it is said, and the account read once it is back."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        scene.venue.fault = ConnectivityError("gone")
        await anyio.sleep(60)
        assert [line for line in scene.told if "cannot be renewed" in line] == scene.told[1:]
        assert scene.resyncs == []

        scene.venue.fault = None
        await anyio.sleep(2)

    assert len(scene.resyncs) == 1
    assert any("read again" in line for line in scene.told)


async def test_I16_a_switch_that_is_refused_is_not_asked_for_in_a_storm() -> None:
    """Renewals that fail are tried again after growing pauses, at most thirty or so a minute."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        before = scene.venue.asked
        scene.venue.fault = ConnectivityError("gone")
        await anyio.sleep(60)

    assert 20 <= scene.venue.asked - before <= 35


async def test_F48_a_heartbeat_missed_now_and_then_is_no_matter() -> None:
    """There are three in the time of one: a short outage is not told, and nothing is read again."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        scene.venue.fault = ConnectivityError("gone")
        await anyio.sleep(15)
        scene.venue.fault = None
        await anyio.sleep(1)
        assert scene.venue.counts()

    assert (len(scene.told), scene.resyncs) == (1, [])


async def test_F13_a_switch_that_learns_of_a_ban_has_the_account_read_and_keeps_still() -> None:
    """Whoever reads it learns for how long, and pulls the quotes; the switch itself asks again when it is over."""
    async with kept() as scene:
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        scene.venue.fault = RateLimitedError("banned", status=418, retry_after_s=120.0)
        await anyio.sleep(100)
        assert (scene.venue.asked, len(scene.resyncs)) == (2, 1)
        scene.venue.fault = None
        await anyio.sleep(40)
        assert scene.venue.counts()


async def test_F14_a_key_that_is_not_accepted_is_not_tried_on() -> None:
    """One try in 30 s, like everything else that is signed."""
    async with kept() as scene:
        scene.venue.fault = AuthenticationError("no")
        scene.dead_man.see([account()])
        await anyio.sleep(1)
        scene.venue.fault = None
        await anyio.sleep(20)
        assert scene.venue.beats == []
        await anyio.sleep(15)
        assert len(scene.venue.beats) >= 1


@pytest.mark.parametrize("late_s", [0.5, 2.9])
async def test_a_renewal_that_the_end_cuts_off_does_not_arm_it_again(late_s: float) -> None:
    """It arrives after the disarming: that is done once more when no renewal can arrive any longer."""
    async with kept() as scene:
        scene.dead_man.see([account(order("pm-1"))])
        await anyio.sleep(5)
        scene.venue.late_s = late_s
        await anyio.sleep(5.1)
        assert scene.venue.arrives_at is not None

    assert await scene.dead_man.disarm()
    await anyio.sleep(10)
    assert not scene.venue.counts()
