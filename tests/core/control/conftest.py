from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.control.card import Card
from perpmaker.journal.state_dir import StateDir, open_state_dir


@pytest.fixture
def home(tmp_path: Path) -> StateDir:
    """A state directory of its own."""
    return open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")})


@pytest.fixture
def card() -> Card:
    """The card of a bot of examples/sandbox.toml."""
    return Card(
        id="0123456789abcdef",
        name="sandbox:BTC-USDT",
        file="/home/me/sandbox.toml",
        environment="sandbox",
        venue="binance_perpetual",
        market="BTC-USDT",
        pid=4711,
        since="2026-11-30T22:00:00.000Z",
    )
