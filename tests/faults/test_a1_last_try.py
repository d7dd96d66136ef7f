"""A1: a clean end does not give up on a missing stop while the venue comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.testing.session import open_stage

from .end_site import EXAMPLE, FAR_TARGET, ended, fall, lots, stops
from .venue_site import VenueWords

pytestmark = pytest.mark.anyio


@attrs.frozen
class Outage:
    """What fails for how long, and by which share the market falls at its beginning."""

    share: float
    seconds: float
    kinds: Sequence[str]


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


@pytest.mark.each_value
@pytest.mark.parametrize(
    "outage",
    [
        Outage(0.0, 10.5, ("placements",)),
        Outage(0.0, 14.0, ("placements",)),
        Outage(0.006, 12.0, ("placements",)),
        Outage(0.0, 19.0, ("reads",)),
        Outage(0.0, 10.5, ("placements", "reads")),
    ],
)
@pytest.mark.parametrize("seed", [3, 4])
async def test_A1_a_stop_that_is_missing_is_left_when_the_venue_answers_again(
    tmp_path: Path, venue: VenueWords, outage: Outage, seed: int
) -> None:
    """No backstop, orders or readings fail from the wish to end on: a stop or flat at the end, and the verdict true."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *venue.settings, "venue_backstop=false", *FAR_TARGET, seed=seed) as stage,
        anyio.create_task_group() as group,
    ):
        took: list[float] = []

        async def heal() -> None:
            await anyio.sleep(outage.seconds)
            stage.sandbox.faults.clear()
            healed_at = anyio.current_time()

            while lots(stage) and not stops(stage):  # noqa: ASYNC110  # the state of the venue is no event
                await anyio.sleep(0.05)

            took.append(anyio.current_time() - healed_at)

        async with stage.open_bot(home=home) as session:

            async def begin() -> None:
                for kind in outage.kinds:
                    venue.refuse(stage, kind)

                group.start_soon(heal)

                if outage.share:
                    await fall(stage, outage.share)

                session.bot.request_stop()

            closing = await ended(session, begin)

        assert not lots(stage) or stops(stage)
        assert took
        assert took[0] <= 2.0

        if closing.unproven is not None:
            assert "without its" not in closing.unproven

        group.cancel_scope.cancel()


async def test_A1_a_second_wish_to_end_shortens_the_last_try(tmp_path: Path, venue: VenueWords) -> None:
    """Where the venue does not come back, a person who asks once more waits 2 s, and reads what is left."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, "venue_backstop=false", *FAR_TARGET, seed=3) as stage:
        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            asked: list[float] = []

            async def again() -> None:
                await anyio.sleep(11)
                session.bot.request_stop()
                asked.append(anyio.current_time())

            async def begin() -> None:
                venue.refuse(stage, "placements")
                group.start_soon(again)
                session.bot.request_stop()

            closing = await ended(session, begin)
            assert anyio.current_time() - asked[0] < 5

        assert lots(stage)
        assert "without its stop" in (closing.unproven or "")
