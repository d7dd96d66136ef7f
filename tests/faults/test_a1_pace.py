"""A1: an exit whose outcome is unknown at once is sent again slower and slower, and goes through when it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.testing.session import open_stage
from perpmaker.testing.waiting import until

from .end_site import EXAMPLE, FAR_TARGET, fall, in_position, lots, stops
from .venue_site import BINANCE, VenueWords

pytestmark = pytest.mark.anyio

UNKNOWN = tuple(BINANCE.unknown)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


@pytest.mark.each_value
@pytest.mark.parametrize("order", ["limit", "market"])
@pytest.mark.parametrize("answer", UNKNOWN)
async def test_A1_an_unknown_stop_is_no_storm_of_stops(
    tmp_path: Path, venue: VenueWords, order: str, answer: str
) -> None:
    """Every order is answered at once with what says nothing, for ten seconds: some tries, and through in 2 s."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    keys = (f'stop_loss_order="{order}"', "venue_backstop=false", *FAR_TARGET)

    async with (
        open_stage(EXAMPLE, *venue.settings, *keys, seed=3) as stage,
        stage.open_bot(home=home) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(session.bot.run)
        await in_position(stage)
        faults = stage.sandbox.faults
        venue.arm(stage, "orders", act="status", arg=venue.unknown[answer])
        await fall(stage, 0.006)
        await anyio.sleep(10)
        assert 4 <= len(faults.fired) <= 20
        faults.clear()
        await until(lambda: not lots(stage), within_s=2.1)
        assert not stage.sandbox.oracle.violations
        group.cancel_scope.cancel()


@pytest.mark.each_value
@pytest.mark.parametrize("answer", [*UNKNOWN, "busy"])
@pytest.mark.parametrize("skipped", [0, 1], ids=["all", "behind one whose answer is lost"])
async def test_A1_a_stop_on_the_venue_that_cannot_be_placed_is_no_storm(
    tmp_path: Path, venue: VenueWords, answer: str, skipped: int
) -> None:
    """Neither from nothing, nor beside a bridge that rests because what became of the first stop is not known."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *venue.settings, *FAR_TARGET, seed=3) as stage,
        stage.open_bot(home=home) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(session.bot.run)
        faults = stage.sandbox.faults

        if skipped:  # the first is lost on its way, the second rests as its bridge
            venue.arm(stage, "stops", act="status", arg=venue.unknown["503"], times=1)

        reply = venue.unknown.get(answer, venue.busy)
        (refused,) = venue.arm(stage, "stops", act="status", arg=reply, nth=1 + 2 * skipped)
        await in_position(stage)
        await anyio.sleep(12)
        least = 0 if skipped and venue.moves_stops else 3  # the second one is the stop there, and no bridge
        assert least <= sum(one is refused for one in faults.fired) <= 24
        faults.clear()
        await anyio.sleep(session.bot.connector.fence_s + 0.5)  # a bridge of unknown outcome is not doubled
        assert stops(stage) or not lots(stage)
        assert not stage.sandbox.oracle.violations
        group.cancel_scope.cancel()
