"""`perpmaker sweep` as a person runs it, killed on the way and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from perpmaker.cli import perpmaker

CONFIG = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 5
bid_spread = 0.02
ask_spread = 0.02
order_amount = 0.01
order_refresh_time = 5.0
long_profit_taking_spread = 0.02
short_profit_taking_spread = 0.02
stop_loss_spread = 1.0
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--over", "bid_spraed=0.01,0.02"), "did you mean 'bid_spread'"),
        (("--over", "bid_spread=-1,-2"), "bid_spread = -1"),
        (("--over", "market=BTC-USDT,ETH-USDT"), "the data are of one market"),
        (("--over", "binance_perpetual.environment=sandbox,live"), "the data are of one market"),
        (("--over", "bid_spread=0.01..1e99999:2"), "1e99999 is not a number that can be set"),
        (("--over", "bid_spread=1,2", "--from", "2026-01-02", "--until", "2026-01-01"), "--from is not before --until"),
        (("--over", "bid_spread=0.01..0.02"), "has no :COUNT of values"),
        (("--over", "bid_spread=0.01,0.02", "--over", "bid_spread=1,2"), "names bid_spread twice"),
        (("--over", "bid_spread=0.01,0.02", "--jobs", "0"), "--jobs"),
        (
            ("--over", "bid_spread=0.01,0.02", "--scheduler", "tcp://127.0.0.1:1", "--jobs", "1"),
            "there is no such file",
        ),
    ],
)
def test_what_cannot_be_swept_is_said_before_anything_is_played(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Without a traceback, and nothing is written."""
    config = tmp_path / "a.toml"
    config.write_text(CONFIG)
    data = ("--data", str(tmp_path / "none.gz"), "--out", str(tmp_path / "out"))
    done = CliRunner().invoke(perpmaker, ["sweep", str(config), *words, *data])

    assert done.exit_code != 0
    assert said in f"{done.output}{done.exception}"
    assert not (tmp_path / "out").exists()
