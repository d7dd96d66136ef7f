"""`loss_limit` in sessions with a journal: what a day has lost, and what a person's word begins anew."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.errors import HaltedError
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.model.order import OrderKind
from perpmaker.state.view import Mode
from perpmaker.testing.session import Session, Stage, open_stage

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


async def traded(stage: Stage, home: StateDir, seconds: float, *, resume: bool = False) -> Session:
    """Trade for a while and stop cleanly: the session that was."""
    async with stage.open_bot(home=home, resume=resume) as session:
        await session.run_bot(seconds)

    return session


@pytest.mark.full
async def test_what_is_booked_and_when_the_day_began_go_on_in_the_next_run(tmp_path: Path) -> None:
    """Two runs have booked what their ledgers say, and the day began with the first."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, "filled_order_delay=0", seed=3) as stage:
        first = await traded(stage, home, 10)
        kept = first.bot.trader.results.kept
        assert kept.booked == first.bot.ledger.statement.total().result["USDT"] != 0
        second = await traded(stage, home, 5)
        now = second.bot.trader.results.kept

    assert now.booked == second.bot.ledger.statement.total().result["USDT"]
    assert (now.day, now.day_began) == (kept.day, kept.day_began)
    assert now.peak is not None
    assert now.peak >= (kept.peak or Decimal(0))


async def test_a_loss_latches_and_who_resumes_begins_anew(tmp_path: Path) -> None:
    """The next start is refused with the module's words; resumed, it trades until as much is lost again."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    limit = "risk.loss_limit.max_daily_loss=0.2"

    async with open_stage(EXAMPLE, "filled_order_delay=0", "stop_loss_spread=0", limit, seed=3) as stage:
        first = await traded(stage, home, 10)
        assert first.bot.mode is Mode.STOP
        assert first.bot.trader.trading_state.latched is not None
        assert first.bot.trader.trading_state.latched.startswith("loss_limit: ")

        with pytest.raises(HaltedError, match="lost today on this market"):
            await traded(stage, home, 1)

        booked = first.bot.trader.results.kept.booked
        second = await traded(stage, home, 3, resume=True)

    kept = second.bot.trader.results.kept
    assert kept.resumed_ms > 0
    assert kept.day_began is not None
    assert kept.day_began < booked + Decimal("0.2")  # with what the position had lost by then
    assert second.bot.count.placed[OrderKind.QUOTE] > 0
