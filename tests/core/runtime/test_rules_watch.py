"""The market's rules are read again while it is traded, on virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, MarketClosedError, PerpmakerError, UnknownMarketError
from perpmaker.execution.dispatch import Gate
from perpmaker.model.command_event import OrderRefused
from perpmaker.model.event import Event, InstrumentChanged, TradingChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.runtime.rules_watch import CLOSED_S, EVERY_S, RULES_RETRY_S, RulesWatch
from perpmaker.testing.view import make_instrument

pytestmark = pytest.mark.anyio

RULES = make_instrument()
STRICTER = attrs.evolve(RULES, min_notional=Decimal(100))


@attrs.define
class Venue:
    """Has these rules."""

    rules: Instrument = RULES
    fault: PerpmakerError | None = None
    asked_at: list[float] = attrs.field(factory=list)

    async def fetch_instrument(self, market: str) -> Instrument:
        """The rules of the one market."""
        assert market == RULES.market
        self.asked_at.append(anyio.current_time())

        if self.fault is not None:
            raise self.fault

        return self.rules


@attrs.define
class Desk:
    """A watch of this venue, and what it emits."""

    venue: Venue = attrs.field(factory=Venue)
    emitted: list[Event] = attrs.field(factory=list)
    watch: RulesWatch = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = RulesWatch(
            connector=cast("Any", self.venue), instrument=RULES, gate=Gate(clock=LoopClock()), emit=self._emit
        )

    def _emit(self, events: Sequence[Event]) -> None:
        self.emitted.extend(events)

    async def run(self, seconds: float) -> None:
        """Watch for so long."""
        with anyio.move_on_after(seconds):
            await self.watch.run()


async def test_F59_rules_are_read_every_five_minutes_and_told_when_they_changed() -> None:
    """Each change once."""
    desk = Desk()
    await desk.run(EVERY_S + 1)
    assert (len(desk.venue.asked_at), desk.emitted) == (1, [])

    desk.venue.rules = STRICTER
    await desk.run(3 * EVERY_S)
    assert desk.emitted == [InstrumentChanged(instrument=STRICTER)]


async def test_F59_an_order_refused_by_the_rules_has_them_read_at_once() -> None:
    """The first refusal, and then twice a minute at most, however many follow."""
    desk = Desk(Venue(STRICTER))
    refusal = Refusal(reason=RefusalReason.FILTER, code="-4164")

    async with anyio.create_task_group() as group:
        group.start_soon(desk.watch.run)

        for _ in range(10):
            desk.watch.see([OrderRefused(client_id="pm-1", refusal=refusal)])
            await anyio.sleep(RULES_RETRY_S / 10)

        group.cancel_scope.cancel()

    assert len(desk.venue.asked_at) in {1, 2}
    assert desk.emitted == [InstrumentChanged(instrument=STRICTER)]


async def test_rules_that_cannot_be_read_now_are_read_next_time() -> None:
    """A venue that is away is no news of them."""
    desk = Desk(Venue(STRICTER, fault=ConnectivityError("gone")))
    await desk.run(EVERY_S + 1)
    desk.venue.fault = None
    await desk.run(EVERY_S + 1)

    assert desk.emitted == [InstrumentChanged(instrument=STRICTER)]


CLOSED = [
    (MarketClosedError("BTC-USDT", "the venue", "SETTLING"), "its status is SETTLING"),
    (UnknownMarketError("BTC-USDT", "the venue", ()), "the venue does not list it any more"),
]


@pytest.mark.parametrize(("fault", "words"), CLOSED)
async def test_F57_a_market_that_the_venue_closes_is_told_once_and_watched_until_it_opens(
    fault: PerpmakerError, words: str
) -> None:
    """Found by the next reading; then looked at every few seconds, so that its opening is known as soon."""
    desk = Desk(Venue(fault=fault))

    async with anyio.create_task_group() as group:
        group.start_soon(desk.watch.run)
        await anyio.sleep(EVERY_S + 60)
        assert desk.emitted == [TradingChanged(closed=words)]
        desk.venue.fault = ConnectivityError("gone")
        await anyio.sleep(60)
        assert len(desk.emitted) == 1
        desk.venue.fault = None
        await anyio.sleep(CLOSED_S + 0.1)
        assert desk.emitted[1:] == [TradingChanged(closed="")]
        group.cancel_scope.cancel()


async def test_F57_an_order_that_the_venue_restricts_has_the_status_read_at_once() -> None:
    """Nobody waits for the next five minutes to learn that the market is closed."""
    desk = Desk(Venue(fault=CLOSED[0][0]))

    async with anyio.create_task_group() as group:
        group.start_soon(desk.watch.run)
        refusal = Refusal(reason=RefusalReason.RESTRICTED, code="-4140")
        desk.watch.see([OrderRefused(client_id="pm-1", refusal=refusal)])
        await anyio.sleep(0.1)
        assert desk.emitted == [TradingChanged(closed=CLOSED[0][1])]
        group.cancel_scope.cancel()


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Minutes pass at once."""
    return virtual_time
