"""`perpmaker probe`: where experiments may be made, what is said of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perpmaker.cli import main

RUN = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 15
[binance_perpetual]
environment = "{environment}"
api_key = "env:KEY"
api_secret = "env:SECRET"
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))


def config(tmp_path: Path, environment: str) -> Path:
    """A file of a run."""
    file = tmp_path / "bot.toml"
    file.write_text(RUN.format(environment=environment), encoding="utf-8")

    return file


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str, str]:
    """The exit code of the command, its results and what it said beside them."""
    with pytest.raises(SystemExit) as ended:
        main(["probe", *map(str, words)])

    return ended.value.code, *capsys.readouterr()


def test_it_wants_to_know_where(capsys: pytest.CaptureFixture[str]) -> None:
    """A file, or a sandbox."""
    code, _, err = said(capsys, "binance_perpetual", "--yes")
    assert code == 2
    assert "--config FILE" in err
    assert "--sandbox-url URL" in err


def test_without_a_terminal_it_wants_an_agreement(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is traded that nobody has agreed to."""
    code, _, err = said(capsys, "binance_perpetual", "--config", config(tmp_path, "sandbox"))
    assert code == 2
    assert "--yes" in err


@pytest.mark.parametrize("environment", ["live", "paper"])
def test_it_is_never_made_with_money(capsys: pytest.CaptureFixture[str], tmp_path: Path, environment: str) -> None:
    """Nor on paper, where the venue is not asked."""
    code, _, err = said(capsys, "binance_perpetual", "--yes", "--config", config(tmp_path, environment))
    assert code == 2
    assert "binance_perpetual.environment" in err
    assert '"testnet" or "sandbox"' in err


def test_another_venue_than_that_of_the_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The keys in it are of another venue."""
    file = config(tmp_path, "sandbox")
    file.write_text(RUN.format(environment="sandbox").replace('"binance_perpetual"', '"fathom"', 1))
    code, _, err = said(capsys, "binance_perpetual", "--yes", "--config", file)
    assert code == 2
    assert "derivative" in err


def test_one_experiment_alone_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """On a sandbox of its own; the result is written down, the words go beside it."""
    file = config(tmp_path, "sandbox")
    words = ("binance_perpetual", "--yes", "--json", "--only", "free_in_credits_mode", "--config", file)
    code, out, err = said(capsys, *words)
    assert code == 0, err
    (found,) = json.loads(out)
    assert found["answer"] == "no credits"
    assert "1/1 free_in_credits_mode" in err
    kept = tmp_path / "home" / "findings" / "binance_perpetual~sandbox.json"
    assert json.loads(kept.read_text()) == [found]

    code, _, err = said(capsys, *words[:4], "tide", "--config", file)
    assert code == 2
    assert "--only tide: there are switch_takes_stops" in err


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("tide=3", "unknown options tide; there are checks_window_at_match"),
        ("read_lag_ms=x", "--option: read_lag_ms must be a whole number"),
        ("read_lag_ms", "is not NAME=VALUE"),
    ],
)
def test_an_option_that_no_sandbox_takes_is_worded(capsys: pytest.CaptureFixture[str], option: str, words: str) -> None:
    """`perpmaker sandbox` serves nothing that was not meant."""
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "binance_perpetual", "--option", option])

    assert ended.value.code == 2
    assert words in capsys.readouterr().err
