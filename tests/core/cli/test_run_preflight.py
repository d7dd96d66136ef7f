"""`perpmaker run` prints the pre-flight report before it trades, and does not trade where the report refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.cli import main

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of the test's own."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))


def run(*arguments: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["run", str(EXAMPLES / "conservative.toml"), *arguments])

    assert isinstance(ended.value.code, int)

    return ended.value.code


def test_report_comes_before_the_account_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """What would be changed of the account is still to be changed; the summary has standard output for itself."""
    assert run("--for", "1", "--json") == 0
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert lines.index("SANDBOX  binance_perpetual ETH-USDT") < lines.index("  a run changes       leverage 20 -> 3")
    assert "What careful traders check" not in lines
    assert len(shown.out.splitlines()) == 1


def test_report_that_refuses_ends_the_run_with_three(capsys: pytest.CaptureFixture[str]) -> None:
    """A stop behind liquidation: nothing is set, nothing is sent, and each reason is one line."""
    assert run("--set", "stop_loss_spread=50", "--set", 'margin_mode="isolated"') == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "  a run changes       leverage 20 -> 3, margin cross -> isolated" in shown.err.splitlines()
    assert all(line.startswith("stop_loss_spread: with all ") for line in shown.err.splitlines()[-2:])
