"""The market's rules are read again while it is traded, on virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.engine.rules_watch import AGAIN_S, EVERY_S, RulesWatch
from perpmaker.errors import ConnectivityError, VenueError
from perpmaker.execution.dispatch import Gate
from perpmaker.model.event import Event, InstrumentChanged, OrderRefused
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Refusal, RefusalReason
from perpmaker.testing.view import make_instrument

pytestmark = pytest.mark.anyio

RULES = make_instrument()
STRICTER = attrs.evolve(RULES, min_notional=Decimal(100))


@attrs.define
class Venue:
    """Has these rules."""

    rules: Instrument = RULES
    fault: VenueError | None = None
    asked_at: list[float] = attrs.field(factory=list)

    async def instrument(self, market: str) -> Instrument:
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
            await anyio.sleep(AGAIN_S / 10)

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


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Minutes pass at once."""
    return virtual_time
