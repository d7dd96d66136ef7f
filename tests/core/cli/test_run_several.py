"""`perpmaker run A B C`: one market that cannot be traded ends alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perpmaker.cli import main

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_a_market_that_is_refused_ends_alone_and_the_others_trade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other trades; the first file's stop lies behind liquidation. The exit code is that of the worst."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    refused = tmp_path / "refused.toml"
    text = (EXAMPLES / "sandbox.toml").read_text().replace("BTC-USDT", "ETH-USDT")
    text = text.replace("stop_loss_spread = 0.5", "stop_loss_spread = 50")
    refused.write_text(text.replace("leverage = 3", 'leverage = 3\nmargin_mode = "isolated"'))
    files = (refused, EXAMPLES / "sandbox.toml")

    with pytest.raises(SystemExit) as ended:
        main(["run", *map(str, files), "--for", "3", "--json"])

    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    runs = {Path(run["file"]).stem: run for run in json.loads(line)["runs"]}
    assert ended.value.code == 3
    assert [runs[name]["exit_code"] for name in ("refused", "sandbox")] == [3, 0]
    assert runs["refused"]["summary"] is None
    assert "stop_loss_spread" in runs["refused"]["error"]
    assert runs["sandbox"]["summary"]["quotes_placed"] >= 2
    assert runs["sandbox"]["summary"]["open_orders_left"] == 0
    assert [told.partition("Z ")[2][:50] for told in shown.err.splitlines() if "has ended" in told] == [
        "refused: this market has ended: stop_loss_spread: "
    ]
