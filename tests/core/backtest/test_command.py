"""`perpmaker backtest`: what it prints and writes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perpmaker.backtest.driver import Driver
from perpmaker.backtest.result import decode_result, read_result
from perpmaker.cli import main

CONFIGURATION = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 10
bid_spread = 0.004
ask_spread = 0.004
order_amount = 0.01
order_refresh_time = 5.0
long_profit_taking_spread = 0.05
short_profit_taking_spread = 0.05
stop_loss_spread = 0.1
"""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command: exit code, standard output and standard error."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    file = tmp_path / "btc.toml"
    file.write_text(CONFIGURATION)

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["backtest", str(file), *map(str, arguments)])

        said = capsys.readouterr()

        return int(ended.value.code or 0), said.out, said.err

    return command


def test_the_page_names_data_window_fees_latency_and_queue_and_what_is_not_shown(
    wander: Callable[..., Path], run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """The same result is on the page, in the file of the result, and in the JSON object."""
    capture = wander(1, 8.0)
    kept, page = tmp_path / "r.json", tmp_path / "r.html"
    code, out, _ = run("--data", capture, "--order-latency-ms", 5, "--result", kept, "--report", page)
    lines = {line[:12].strip(): line[12:] for line in out.splitlines() if line[:12].strip()}

    assert code == 0
    assert lines["backtest"] == "btc.toml on BTC-USDT (binance_perpetual)"
    assert lines["data"] == str(capture)
    assert lines["window"].startswith("2023-11-14 22:13:20 to 22:13:28 UTC (8 s)")
    assert lines["gaps"] == "none"
    assert lines["fees"] == "maker 0.02 %, taker 0.05 %"
    assert lines["latency"] == "orders 5 ms (as given), market data as recorded"
    assert lines["queue"].startswith("risk-averse: ")
    assert lines["at 3x"].endswith("at 3 times the latency")
    assert lines["not shown"] == "no venue refuses an order here, and none is slow or away"

    found = read_result(kept)
    assert found.whose.assumptions is not None
    assert found.whose.assumptions.trials[0].factor == 3
    assert page.read_text().startswith("<!doctype html>")

    code, out, _ = run("--data", capture.parent, "--order-latency-ms", 5, "--json")
    assert decode_result(out.encode()).pnl == found.pnl


def test_a_result_replaces_no_other_file(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Neither the configuration itself nor a folder, and a folder that is not there is said before anything is run."""
    config, none = tmp_path / "btc.toml", tmp_path / "none" / "r.json"
    for file, words in ((config, "is no result"), (tmp_path, "is a folder"), (none, "there is no folder")):
        code, _, err = run("--data", tmp_path / "none.gz", "--result", file)
        assert (code, words in err) == (2, True)

    assert config.read_text() == CONFIGURATION


def test_ctrl_c_shows_what_there_is(
    wander: Callable[..., Path], run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says that it was stopped, and up to when it went; nothing is tried at more latency then."""
    go_on, steps = Driver._go_on, iter(range(1_000_000))

    def interrupted(driver: Any) -> bool:
        if next(steps) == 15:
            raise KeyboardInterrupt

        return go_on(driver)

    monkeypatch.setattr(Driver, "_go_on", interrupted)
    code, out, _ = run("--data", wander(1, 8.0), "--order-latency-ms", 5)

    assert code == 0
    assert "stopped before its end" in out
    assert "at 3x" not in out


def test_the_page_fits_eighty_columns(
    wander: Callable[..., Path], run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything that is assumed in words; what goes on is set in below its text."""
    capture = wander(1, 2.0)
    monkeypatch.chdir(capture.parent)
    code, out, _ = run("--data", capture.name)
    lines = out.splitlines()
    latency = next(number for number, line in enumerate(lines) if line.startswith("latency "))

    assert code == 0
    assert max(map(len, lines)) <= 80
    assert lines[latency + 1].startswith(" " * 12)
    assert " ".join(out.split()).count("5 is a machine beside the exchange), market data as recorded") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--data", "nowhere.gz"), 2, "nowhere.gz: there is no such file"),
        (("--data", "CAPTURE", "--set", "market=DOGE-USDT"), 3, "no market named 'DOGE-USDT'"),
        (("--data", "CAPTURE", "--set", "market=ETH-USDT"), 2, "of the market 'BTCUSDT', not of ETHUSDT"),
        (("--data", "CAPTURE", "--from", "2024-01-01"), 2, "it goes from 2023-11-14 22:13:20 to 2023-11-14 22:13:2"),
        (("--data", "CAPTURE", "--until", "2023-11-01"), 2, "it goes from 2023-11-14 22:13:20 to 2023-11-14 22:13:2"),
        (("--data", "CAPTURE", "--order-latency-ms", "nothing"), 2, "neither a number of milliseconds nor a journal"),
        (("--data", "CAPTURE", "--feed-latency", "-1"), 2, "neither `recorded` nor a number of milliseconds"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(
    arguments: tuple[str, ...],
    code: int,
    words: str,
    wander: Callable[..., Path],
    run: Callable[..., tuple[int, str, str]],
) -> None:
    """With what is wrong, and the exit code that every command has for it."""
    capture = str(wander(1, 2.0))
    ended, out, err = run(*(capture if one == "CAPTURE" else one for one in arguments))

    assert (ended, out) == (code, "")
    assert words in " ".join(err.split())
