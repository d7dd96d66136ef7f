"""`perpmaker check`: a wrong file before anything connects, then the venue's word, and nothing set or traded."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from perpmaker.cli import main

GOOD = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 15
[sandbox]
seed = 7
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A good configuration."""
    file = tmp_path / "bot.toml"
    file.write_text(GOOD, encoding="utf-8")

    return file


def check(*arguments: object) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["check", *map(str, arguments)])

    assert isinstance(ended.value.code, int)

    return ended.value.code


def test_good_configuration_says_what_was_checked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The environment first, then each thing that was checked, then what is worth knowing."""
    assert check(config) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"SANDBOX  {config}"
    assert "  ok  leverage    3 of at most 125" in lines
    assert "  ok  account     10000 USDT" in lines


def test_json_says_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one object."""
    assert check(config, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["checked"]["leverage"]) == (True, "3 of at most 125")


def test_wrong_file_ends_with_two_before_anything_connects(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fault of the file is one line on standard error, and no socket is opened."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    assert check(config, "--set", "leverage=0", "--set", "x=1", "--sandbox-url", "http://127.0.0.1:1") == 2
    assert capsys.readouterr().err.splitlines() == [
        "--set: leverage = 0: must be a whole number, at least 1",
        "--set: x = 1: no such key in the top of the file",
    ]


def test_json_of_a_wrong_file_has_every_problem(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` gives the problems one by one, with the same exit code."""
    config.write_text(GOOD.replace("leverage = 3", "leverage = 0"), encoding="utf-8")
    assert check(config, "--json") == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["line"], problem["key"], problem["value"]) == (4, "leverage", "0")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("market=BTC-USD", "has no perpetual market named 'BTC-USD'. Nearest: BTC-USDT"),
        ("leverage=126", "leverage = 126: BTC-USDT allows at most 125"),
        (
            "order_amount=0.0001",
            "order_amount: the largest level is 0.0001, but BTC-USDT takes no order below 0.001 BTC",
        ),
    ],
)
def test_market_that_refuses_ends_with_three(
    config: Path, capsys: pytest.CaptureFixture[str], override: str, words: str
) -> None:
    """A market that does not exist or does not allow the configuration is said with what it does allow."""
    assert check(config, "--set", override) == 3
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ftp://127.0.0.1"])
def test_unreachable_venue_ends_with_four(config: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    """A venue that does not answer is one line that names the host and where it was named."""
    assert check(config, "--sandbox-url", url) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"--sandbox-url {url}: nothing answers there")
