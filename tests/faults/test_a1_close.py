"""A1: an end with --close that cannot close, and what any end leaves that it should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.session import open_stage
from perpmaker.testing.waiting import until

from .end_site import EXAMPLE, FAR_TARGET, ended, lots, stops
from .venue_site import VenueWords

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


@pytest.mark.also_on("dYdX")
@pytest.mark.parametrize(
    "is_refused", [False, pytest.param(True, marks=pytest.mark.full)], ids=["busy", "band, without backstop"]
)
async def test_A1_a_close_that_is_refused_to_the_end_leaves_the_stop_at_its_level(
    tmp_path: Path, venue: VenueWords, *, is_refused: bool
) -> None:
    """All orders but stops refused: read to the end within the budget, a stop at its level, the switch disarmed."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    keys = ("venue_backstop=false",) if is_refused else ()
    reply = venue.refused if is_refused else venue.busy

    async with (
        open_stage(EXAMPLE, *venue.settings, *FAR_TARGET, *keys, seed=3) as stage,
        stage.open_bot(home=home) as session,
    ):

        async def act() -> None:
            venue.arm(stage, "orders", act="status", arg=reply)
            session.bot.request_stop(close=True)

        closing = await ended(session, act)
        assert closing.unproven is not None
        assert "is open, although it was to be closed; on the venue: a stop that the venue fires" in closing.unproven
        assert "budget" not in closing.unproven
        assert "dead-man" not in closing.unproven
        assert closing.account is not None
        assert min(venue.levels(stage)) == pytest.approx(0.5, abs=0.01)


async def test_A1_a_close_that_comes_through_late_is_judged_by_the_last_reading(
    tmp_path: Path, venue: VenueWords
) -> None:
    """Orders are refused for longer than a close is waited for: it is flat in the end, and nothing else is said."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            venue.refuse(stage, "orders")
            session.bot.request_stop(close=True)
            await anyio.sleep(31)
            stage.sandbox.faults.clear()

        closing = await ended(session, act)
        assert not lots(stage)
        assert closing.unproven is None


async def test_A1_a_quote_that_is_filled_after_the_close_is_no_clean_close(tmp_path: Path, venue: VenueWords) -> None:
    """Flat, and then a quote that could not be cancelled is filled, without a stop being set: the position is named."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    keys = (*FAR_TARGET, "stop_loss_spread=0", "order_levels=2", "order_level_spread=0.3")

    async with open_stage(EXAMPLE, *venue.settings, *keys, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            (quote,) = session.open_quotes()
            against = 0.998 if lots(stage) > 0 else 1.002
            venue.refuse_cancel(stage, quote)
            session.bot.request_stop(close=True)
            await until(lambda: not lots(stage))
            await anyio.sleep(0.25)
            venue.refuse(stage, "orders")
            market = stage.sandbox.market
            assert isinstance(market, SyntheticMarket)

            with anyio.fail_after(2):
                while not lots(stage):
                    market.jump(against)
                    await anyio.sleep(0.1)

        closing = await ended(session, act)
        assert lots(stage)
        assert "is open, although it was to be closed" in (closing.unproven or "")


async def test_A1_an_exit_without_its_position_is_no_clean_end(tmp_path: Path, venue: VenueWords) -> None:
    """The position is closed and its stop cannot be cancelled: it would close what a person opens later."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            venue.refuse(stage, "stop cancels")
            session.bot.request_stop(close=True)

        closing = await ended(session, act)
        assert not lots(stage)

        if venue.stops_go_by_themselves:
            assert not stops(stage)
            assert closing.unproven is None
        else:
            assert "no position is left, and this could not be taken off: a stop" in (closing.unproven or "")


async def test_A1_a_history_that_cannot_be_read_is_no_clean_end(tmp_path: Path, venue: VenueWords) -> None:
    """Positions are told, fills are not: the sums of the summary may lack some, and that is said."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            venue.refuse(stage, "fills")
            session.bot.request_stop()

        closing = await ended(session, act)
        assert lots(stage)
        assert closing.unproven == (
            "the history could not be read at the end: fills, fees and the result may lack some"
        )
