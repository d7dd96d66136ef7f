"""`perpmaker check`: a wrong file before anything connects, then the venue's word, and nothing set or traded."""

from __future__ import annotations

import json
import re
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


def test_good_configuration_ends_with_the_report(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict, what there is to look at, the market's levels and money, then the file; all in 80 columns."""
    assert check(config, "--full") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d to look at", lines[0])
    assert "SANDBOX  binance_perpetual BTC-USDT" in lines
    assert "  leverage            3 of at most 125, cross" in lines
    assert "  a run changes       leverage 20 -> 3" in lines
    assert "  account             wallet 10000.00 USDT" in lines
    assert [line[:7] for line in lines if line.startswith(("  bid", "  ask"))] == ["  bid 1", "  ask 1"]
    assert "  !! NO STOP LOSS: a position that goes wrong is held until it is liquidated" in lines
    assert f"Configuration {config}" in lines
    assert "  ok plugins: perpetual_market_making, binance_perpetual, current_market" in lines
    assert [line for line in lines if len(line) > 80 and str(config) not in line] == []


def test_json_says_the_same(config: Path, sandbox_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one object, numbers as exact text."""
    assert check(config, "--sandbox-url", sandbox_url, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    figures = found["report"]["figures"]
    assert (found["ok"], figures["environment"], figures["leverage"]) == (True, "sandbox", 3)
    assert [(line["side"], line["amount"], line["withheld"]) for line in figures["levels"]] == [
        ("buy", "0.01", None),
        ("sell", "0.01", None),
    ]
    assert (figures["orders"]["per_minute"], figures["orders"]["limit"]) == ("8", 1200)
    assert figures["bids"]["formula"] == "cross: the whole wallet behind it, the venue's tiers"


def test_risk_modules_are_asked(config: Path, sandbox_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A module that is configured reviews the quotes of the report as it would those of a run."""
    assert check(config, "--sandbox-url", sandbox_url, "--set", "risk.exposure_limit.max_position=0.004", "--json") == 0
    levels = json.loads(capsys.readouterr().out)["report"]["figures"]["levels"]
    note = "exposure_limit: cut to what max_position = 0.004 leaves (0.004)"
    assert [(line["amount"], line["note"]) for line in levels] == [("0.004", note)] * 2


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


def test_unknown_market_ends_with_three(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A market that does not exist is said with the nearest that do; here by the sandbox, which is another process."""
    assert check(config, "--set", "market=BTC-USD") == 3
    assert "has no market named 'BTC-USD'. The sandbox has BTC-USDT" in capfd.readouterr().err


def test_leverage_above_the_markets_ends_with_three(
    config: Path, sandbox_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the market does not allow is said with what it does allow."""
    assert check(config, "--sandbox-url", sandbox_url, "--set", "leverage=126") == 3
    assert capsys.readouterr().err.splitlines() == ["leverage = 126: BTC-USDT allows at most 125"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["order_amount=0.0001"], "BTC-USDT takes none of the levels: below the market's minimum amount (0.001)"),
        (
            ["stop_loss_spread=30", "leverage=10", 'margin_mode="isolated"'],
            "stop_loss_spread: with all bids filled the long position would be liquidated at",
        ),
    ],
)
def test_report_that_refuses_is_printed_and_ends_with_three(
    config: Path, sandbox_url: str, capsys: pytest.CaptureFixture[str], overrides: list[str], words: str
) -> None:
    """A stop behind liquidation, or no level that the market takes: the report shows it, and the error names it."""
    arguments = ["--sandbox-url", sandbox_url, *(part for override in overrides for part in ("--set", override))]
    assert check(config, *arguments) == 3
    shown = capsys.readouterr()
    assert "REFUSED" in shown.out
    assert words in shown.err
    assert check(config, *arguments, "--json") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert words in found["report"]["refusals"][0]


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "http://[::1",
        "",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "127.0.0.1:8000",
                "ftp://127.0.0.1",
                "http://",
            )
        ),
    ],
)
def test_sandbox_that_is_named_by_no_address_ends_with_two(
    config: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    """A slip of the command line is said as one; a run would wait for it for ever."""
    assert check(config, "--sandbox-url", url) == 2
    assert f"--sandbox-url {url}: is no address" in capsys.readouterr().err


def test_unreachable_venue_ends_with_four(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A venue that does not answer is one line that names the host and where it was named."""
    url = "http://127.0.0.1:1"
    assert check(config, "--sandbox-url", url) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"--sandbox-url {url}: nothing answers there")
