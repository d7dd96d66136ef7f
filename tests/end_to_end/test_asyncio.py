from __future__ import annotations

from pathlib import Path

import anyio

from perpmaker.report.summary import Summary
from perpmaker.testing.session import open_session

FILE = Path(__file__).parents[1] / "practice.toml"


def test_a_session_runs_on_asyncio_in_real_time() -> None:
    """The same code on the other event loop: it quotes, stops and proves within seconds."""

    async def scenario() -> Summary:
        async with open_session(FILE, seed=1) as session:
            return await session.run(3)

    summary = anyio.run(scenario, backend="asyncio")

    assert summary.quotes_placed >= 2
    assert summary.open_orders_left == 0
    assert summary.seconds < 10
