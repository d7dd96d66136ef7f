"""A1: an end with --close that cannot close, and what any end leaves that it should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.session import open_stage
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault, Reply

from .end_site import BUSY, EXAMPLE, FAR_TARGET, ended, lots, stops

pytestmark = pytest.mark.anyio

BAND = Reply(status=400, body='{"code":-4131,"msg":"The counterparty\'s best price does not meet."}')


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


@pytest.mark.parametrize(
    ("reply", "keys"), [(BUSY, ()), (BAND, ("venue_backstop=false",))], ids=["busy", "band, without backstop"]
)
async def test_A1_a_close_that_is_refused_to_the_end_leaves_the_stop_at_its_level(
    tmp_path: Path, reply: Reply, keys: tuple[str, ...]
) -> None:
    """All orders but stops refused: read to the end within the budget, a stop at its level, the switch disarmed."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *FAR_TARGET, *keys, seed=3) as stage,
        stage.open_bot(home=home) as session,
    ):

        async def act() -> None:
            stage.sandbox.faults.add(Fault(method="POST", path="/fapi/v1/order", act="status", arg=reply, times=None))
            session.bot.request_stop(close=True)

        closing = await ended(session, act)
        (position,) = [one for one in stage.sandbox.exchange.account(ACCOUNT).positions if one.lots]
        away = [abs(one.trigger_ticks / 10 / float(position.entry) - 1) for one in stops(stage)]
        assert closing.unproven is not None
        assert "is open, although it was to be closed; on the venue: a stop that the venue fires" in closing.unproven
        assert "budget" not in closing.unproven
        assert "dead-man" not in closing.unproven
        assert closing.account is not None
        assert min(away) == pytest.approx(0.005, abs=1e-4)


async def test_A1_a_close_that_comes_through_late_is_judged_by_the_last_reading(tmp_path: Path) -> None:
    """Orders are refused for longer than a close is waited for: it is flat in the end, and nothing else is said."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            stage.sandbox.faults.add(Fault(method="POST", path="/fapi/v1/order", act="status", arg=BUSY, times=None))
            session.bot.request_stop(close=True)
            await anyio.sleep(31)
            stage.sandbox.faults.clear()

        closing = await ended(session, act)
        assert not lots(stage)
        assert closing.unproven is None


async def test_A1_a_quote_that_is_filled_after_the_close_is_no_clean_close(tmp_path: Path) -> None:
    """Flat, and then a quote that could not be cancelled is filled, without a stop being set: the position is named."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    keys = (*FAR_TARGET, "stop_loss_spread=0", "order_levels=2", "order_level_spread=0.3")

    async with open_stage(EXAMPLE, *keys, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            (quote,) = session.open_quotes()
            stage.sandbox.faults.add(
                Fault(method="DELETE", path="/fapi/v1/", contains=quote, act="status", arg=BUSY, times=None)
            )
            session.bot.request_stop(close=True)
            await until(lambda: not lots(stage))
            await anyio.sleep(0.25)
            stage.sandbox.faults.add(Fault(method="POST", path="/fapi/v1/order", act="status", arg=BUSY, times=None))
            market = stage.sandbox.market
            assert isinstance(market, SyntheticMarket)

            with anyio.fail_after(2):
                while not lots(stage):
                    market.jump(0.998)
                    await anyio.sleep(0.1)

        closing = await ended(session, act)
        assert lots(stage)
        assert "is open, although it was to be closed" in (closing.unproven or "")


async def test_A1_an_exit_without_its_position_is_no_clean_end(tmp_path: Path) -> None:
    """The position is closed and its stop cannot be cancelled: it would close what a person opens later."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            stage.sandbox.faults.add(Fault(method="DELETE", path="/fapi/v1/algo", act="status", arg=BUSY, times=None))
            session.bot.request_stop(close=True)

        closing = await ended(session, act)
        assert not lots(stage)
        assert "no position is left, and this could not be taken off: a stop" in (closing.unproven or "")


async def test_A1_a_history_that_cannot_be_read_is_no_clean_end(tmp_path: Path) -> None:
    """Positions are told, fills are not: the sums of the summary may lack some, and that is said."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            stage.sandbox.faults.add(
                Fault(method="GET", path="/fapi/v1/userTrades", act="status", arg=BUSY, times=None)
            )
            session.bot.request_stop()

        closing = await ended(session, act)
        assert lots(stage)
        assert closing.unproven == (
            "the history could not be read at the end: fills, fees and the result may lack some"
        )
