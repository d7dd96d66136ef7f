"""A16: configurations that lose for certain passed without a warning at the top of the report."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import main
from perpmaker.cli.report_once import show_report
from perpmaker.cli.screen import Screen
from perpmaker.clock import SystemClock
from perpmaker.config.loading import load_configuration
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import StateDir
from perpmaker.model.instrument import MarginTier
from perpmaker.model.position import MarginMode
from perpmaker.plugins.catalog import load_catalog
from perpmaker.report.preflight import Preflight, assess, with_notes
from perpmaker.report.preflight_figure import Situation
from perpmaker.report.preflight_page import plain_preflight, render_preflight
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.view import make_instrument, make_view

TIER = MarginTier(
    floor=Decimal(0), cap=Decimal(10_000_000), maintenance_ratio=Decimal("0.01"), deduction=Decimal(0), max_leverage=125
)
GOOD = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 30
long_profit_taking_spread = 0.1
short_profit_taking_spread = 0.1
stop_loss_spread = 1
stop_loss_order = "venue"
[sandbox]
seed = 7
"""


def report(*, maker_fee: str = "0.0002", **changes: Any) -> Preflight:
    """The report of a market at 100 with spreads of 1 %, a target of 1 %, a stop of 3 %, and these changes."""
    quoting = {"bid_spread": "0.01", "ask_spread": "0.01", "order_amount": "1"}
    exits = {
        "long_profit_taking_spread": "0.01",
        "short_profit_taking_spread": "0.01",
        "stop_loss_spread": "0.03",
        "stop_loss_order": "venue",
    }

    for key, value in changes.items():
        (exits if key in exits else quoting)[key] = value

    def exact(values: dict[str, Any]) -> dict[str, Any]:
        return {key: Decimal(one) if re.fullmatch(r"[\d.]+", str(one)) else one for key, one in values.items()}

    instrument = make_instrument(maker_fee=Decimal(maker_fee), taker_fee=Decimal("0.0005"), tiers=(TIER,))
    view = make_view(instrument=instrument, leverage=3, capital=Decimal(1000))
    settings = StrategySettings(order_refresh_time=30.0, **exact(quoting))
    wanted = PerpetualMarketMaking(settings, instrument).decide(view)

    return assess(
        Situation(
            environment="sandbox",
            venue="binance_perpetual",
            view=view,
            wanted=wanted,
            approved=wanted.quotes,
            strategy=settings,
            exits=ExitSettings(**exact(exits)),
            margin_mode=MarginMode.ISOLATED,
            wallet=Decimal(1000),
        )
    )


def loud(found: Preflight) -> list[str]:
    """What can cost the account."""
    return [one.text for one in found.looks if one.loud]


# --- the verdict


def test_A16_good_configuration_is_ok_and_nothing_else_before_the_money() -> None:
    """The first line is the verdict alone, and the table of money follows at once."""
    lines = render_preflight(report()).splitlines()
    assert lines[:4] == [
        "OK",
        "SANDBOX  binance_perpetual BTC-USDT",
        "",
        "If everything fills               all bids        all asks      all levels",
    ]


def test_A16_what_there_is_to_look_at_is_counted_and_comes_first_the_worst_before() -> None:
    """`!!` before `!`, each once, and their number on the first line."""
    lines = render_preflight(report(long_profit_taking_spread="0", stop_loss_spread="0.015")).splitlines()
    marks = [line[:5] for line in lines[: lines.index("SANDBOX  binance_perpetual BTC-USDT")] if "!" in line[:5]]

    assert lines[0] == "2 to look at"
    assert marks == ["  !! ", "  !  "]


def test_A16_refused_is_the_first_word() -> None:
    """With its reasons right below, and the rest of what there is to look at after them."""
    found = report(stop_loss_spread="0.5", long_profit_taking_spread="0")
    lines = render_preflight(found).splitlines()

    assert lines[0] == found.verdict == plain_preflight(found)["verdict"] == "REFUSED"
    assert lines[1].startswith("  !! REFUSED: stop_loss_spread: with all bids filled")
    assert any(line.startswith("  !! long_profit_taking_spread = 0 %") for line in lines)


def test_A16_checklist_and_the_rest_come_only_when_asked_for() -> None:
    """Short, the page fits on a screen; full, it has everything and begins in the same way."""
    found = report()
    brief, full = render_preflight(found).splitlines(), render_preflight(found, full=True).splitlines()

    assert len(brief) < 20
    assert "What careful traders check" not in brief
    assert {"What careful traders check", "Market and account"} < set(full)
    assert full[0] == brief[0]


# --- what loses for certain


def test_A16_what_loses_for_certain_is_said_at_the_top() -> None:
    """With `!!`, its key, and the number that it should be held against."""
    for changes, words in [
        ({"long_profit_taking_spread": "0"}, "long_profit_taking_spread = 0 %: the fees of both ways are 0.04 %"),
        ({"short_profit_taking_spread": "0"}, "short_profit_taking_spread = 0 %: the fees of both ways are 0.04 %"),
        ({"long_profit_taking_spread": "0.0003"}, "each target loses 0.01 %"),
        ({"short_profit_taking_spread": "0.0004"}, "the target earns nothing"),
        ({"bid_spread": "0.0003"}, "bid_spread = 0.03 %: less than the fees of both ways, 0.04 %"),
        ({"ask_spread": "0.0001"}, "ask_spread = 0.01 %: less than the fees of both ways, 0.04 %"),
        ({"order_override": {"near": ("buy", Decimal("0.0002"), Decimal(1))}}, "order_override = 0.02 %: less than"),
        ({"stop_loss_spread": "0.01"}, "stop_loss_spread = 1 %: no more than the spread, 1 %"),
        ({"stop_loss_spread": "0.005"}, "stop_loss_spread = 0.5 %: no more than the spread, 1 %"),
        ({"ask_spread": "0.03"}, "stop_loss_spread = 3 %: no more than the spread, 3 %"),
        ({"price_floor": "120"}, "price_floor = 120 is not below the market, 100.00: nothing is sold, only bought"),
        ({"price_floor": "100"}, "price_floor = 100 is not below the market"),
        ({"price_ceiling": "90"}, "price_ceiling = 90 is not above the market, 100.00: nothing is bought, only sold"),
    ]:
        found = report(**changes)

        assert any(words in text for text in loud(found)), loud(found)
        assert words in " ".join(" ".join(render_preflight(found).splitlines()[1:4]).split())


def test_A16_what_does_not_lose_by_itself_is_not_said_to() -> None:
    """Fees that are not there, or a rebate, a spread that just pays them, a band with the market inside."""
    for changes, maker_fee in [
        ({}, "0.0002"),
        ({"bid_spread": "0.0004", "ask_spread": "0.0004"}, "0.0002"),
        ({"long_profit_taking_spread": "0", "short_profit_taking_spread": "0"}, "0"),
        ({"long_profit_taking_spread": "0", "short_profit_taking_spread": "0"}, "-0.0001"),
        ({"price_floor": "99", "price_ceiling": "101"}, "0.0002"),
    ]:
        assert loud(report(maker_fee=maker_fee, **changes)) == []


@pytest.mark.parametrize(("key", "side"), [("price_floor", "asks"), ("price_ceiling", "bids")])
def test_A16_what_the_band_withholds_is_not_counted_as_filled(key: str, side: str) -> None:
    """A floor above the market takes the asks away: there is no position that they could make."""
    figures = report(**{key: "120" if key == "price_floor" else "80"}).figures

    assert getattr(figures, side) is None
    assert figures.all_filled.notional == (figures.asks or figures.bids).notional  # type: ignore[union-attr]


def test_A16_loss_at_stop_is_said_as_a_share_of_the_wallet() -> None:
    """Three of a thousand and the fees: 0.30 % of what is there; without a wallet nobody can say."""
    found = report()
    assert found.figures.bids is not None
    assert found.figures.bids.loss_at_stop_share == found.figures.bids.loss_at_stop / 1000  # type: ignore[operator]
    assert "    of the wallet                 0.3038 %        0.3102 %" in render_preflight(found).splitlines()


# --- the commands


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good configuration, and a state directory of the test's own."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    file = tmp_path / "bot.toml"
    file.write_text(GOOD, encoding="utf-8")

    return file


def command(*words: object) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words)])

    assert isinstance(ended.value.code, int)

    return ended.value.code


def test_A16_check_begins_with_its_verdict(file: Path, sandbox_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On the first line of standard output, and in the JSON."""
    for override, verdict, code in (
        ("leverage=3", "OK", 0),
        ("long_profit_taking_spread=0", "1 to look at", 0),
        ("leverage=200", "REFUSED", 3),
    ):
        words = ("check", file, "--sandbox-url", sandbox_url, "--set", override)
        assert command(*words) == code
        assert capsys.readouterr().out.splitlines()[0] == verdict
        assert command(*words, "--json") == code
        assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_A16_notes_about_file_and_key_are_counted_with_the_rest() -> None:
    """What is noted beside the market is to be looked at too, in the same place."""
    found = with_notes(report(), ["the key works from every address"])
    assert render_preflight(found).splitlines()[:2] == ["1 to look at", "  !  the key works from every address"]


def test_A16_report_is_not_shown_again_within_the_minute(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A service that starts again and again shows it once; another configuration or verdict is shown at once."""
    home = StateDir(file.parent / "home")
    home.root.mkdir(mode=0o700)
    configuration = load_configuration(file, (), load_catalog())
    other = load_configuration(file, ("leverage=2",), load_catalog())
    clock = SystemClock()

    for wanted, found, expected in (
        (configuration, report(), 1),
        (configuration, report(), 0),
        (configuration, report(long_profit_taking_spread="0"), 1),
        (other, report(), 1),
    ):
        show_report(Screen(is_terminal=False), home, clock, wanted, found)
        assert capsys.readouterr().err.count("SANDBOX  binance_perpetual BTC-USDT") == expected
