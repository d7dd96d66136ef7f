from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.report.live import live_line, profit
from perpmaker.testing.session import open_session

FILE = Path(__file__).parents[1] / "practice.toml"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Whole sessions take virtual time."""
    return virtual_time


async def test_the_live_line_says_where_it_trades_first_and_fits_a_terminal() -> None:
    """Environment, position, profit, quotes, reference; and at the end the mode when it is not trading."""
    async with (
        open_session(FILE, "bid_spread=2", "ask_spread=2", seed=1) as session,
        anyio.create_task_group() as group,
    ):
        before = live_line("sandbox", session.bot)
        group.start_soon(session.run_bot, 60.0)
        await anyio.sleep(3)
        line = live_line("sandbox", session.bot)
        group.cancel_scope.cancel()

    assert before == "sandbox BTC-USDT | flat | PnL +0.00 USDT | quotes -/- | REDUCE"
    assert re.fullmatch(r"sandbox BTC-USDT \| flat \| PnL \+0\.00 USDT \| quotes \d+\.\d/\d+\.\d \| ref \d+\.\d", line)
    assert len(line) <= 79


async def test_the_profit_that_is_shown_is_the_change_of_the_venues_own_equity() -> None:
    """Booked, not booked, fees and funding together are what the account is worth more or less."""
    async with open_session(FILE, seed=1) as session:
        await session.run(30)
        exchange = session.sandbox.exchange
        state = exchange.account("main")
        shown = profit(session.bot)

        assert abs(shown - (state.equity - 10_000)) < 1
        assert shown != 0
