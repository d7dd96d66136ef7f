"""B8: the live line has the money first and says why nothing is quoted; lost streams are lines that stay."""

from __future__ import annotations

import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from perpmaker.cli.screen import Screen, coloured
from perpmaker.decision.unquoted import Unquoted
from perpmaker.model.event import Channel, StreamLost, StreamRestored
from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.report import live
from perpmaker.report.live import live_line
from perpmaker.runtime.stream_lines import StreamLines
from perpmaker.state.view import Mode
from perpmaker.testing.scenario import Scenario

MONEY = "sandbox BTC-USDT | flat | PnL +0.00 USDT"


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bot whose trader is that of a scenario; what it has won is a fixed amount."""
    monkeypatch.setattr(live, "profit", lambda _: Decimal(0))
    scenario = Scenario({})
    trader = scenario._trader

    return SimpleNamespace(
        trader=SimpleNamespace(state=trader.state, unquoted=SimpleNamespace(now=None), working=lambda: ()),
        instrument=attrs.evolve(trader.state.instrument, market="BTC-USDT", quote="USDT"),
        mode=Mode.RUN,
        mode_reason="",
        clock=SimpleNamespace(now=lambda: 100.0),
    )


def test_B8_the_reason_and_the_seconds_left_stand_where_quotes_would(bot: Any) -> None:
    """A pause that ends by itself says when."""
    bot.trader.unquoted.now = Unquoted(reason="filled delay: ...", since=81.0, short="filled delay", until=141.0)

    assert live_line("sandbox", bot).startswith(f"{MONEY} | quotes -/- (filled delay, 41 s) | ref ")


@pytest.mark.parametrize("until", [None, 99.0])
def test_B8_a_reason_without_known_end_has_no_seconds(bot: Any, until: float | None) -> None:
    """Nor has one whose end is past."""
    bot.trader.unquoted.now = Unquoted(reason="budget: ...", since=81.0, short="budget", until=until)

    assert f"{MONEY} | quotes -/- (budget) | ref " in live_line("sandbox", bot)


@pytest.mark.parametrize(
    "mode",
    [
        Mode.REDUCE,
        Mode.STOP,
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                Mode.HALT,
                Mode.FLATTEN,
            )
        ),
    ],
)
def test_B8_the_mode_is_last_and_its_reason_is_what_a_narrow_terminal_loses(bot: Any, mode: Mode) -> None:
    """However long the reason is, environment, position, profit and the mode's name are within 80 columns."""
    bot.mode, bot.mode_reason = mode, "account stream lost: " + "x" * 200
    line = live_line("sandbox", bot)

    assert line.startswith(f"{MONEY} | quotes -/- | {mode.value.upper()} (account stream lost")
    assert mode.value.upper() in line[:79]


@pytest.mark.parametrize("mode", [Mode.RUN, Mode.HALT])
def test_B8_two_hedge_positions_do_not_push_the_profit_out(
    bot: Any, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets go before money does, and quotes before a halt."""
    bot.mode = mode
    bot.trader.working = lambda: (SimpleNamespace(slot=Slot(OrderKind.TAKE_PROFIT, Side.SELL)),)
    targets = {True: " -> 59999.5", False: ""}
    monkeypatch.setattr(
        live, "_position", lambda _, orders: ", ".join(f"{way}0.010 @ 59969.5{targets[bool(orders)]}" for way in "+-")
    )
    line = live_line("live", bot)[:79]

    assert "| +0.010 @ 59969.5, -0.010 @ 59969.5 | PnL +0.00 USDT |" in line
    assert mode is Mode.RUN or "| HALT" in line


def test_B8_a_complete_fill_leads_to_a_reason_with_its_end() -> None:
    """The strategy itself says until when the pause lasts."""
    scenario = Scenario({"filled_order_delay": 40, "long_profit_taking_spread": 1})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.fill("take profit")
    scenario.advance(20)
    unquoted: Any = scenario._trader.unquoted.now

    assert unquoted.short == "filled delay"
    assert 40 <= unquoted.until <= 42


def test_B8_streams_that_are_lost_and_restored_are_lines() -> None:
    """One line for all channels of a connection, with how long it was away; the first connection is none."""
    streams = StreamLines()
    both = (Channel.BOOK, Channel.MARK)
    lost = [StreamLost(channel=channel, reason="the connection ended") for channel in both]
    restored = [StreamRestored(channel=channel) for channel in both]

    assert list(streams.lines(restored, 0.0)) == []
    assert list(streams.lines(lost, 10.0)) == ["stream lost (book, mark): the connection ended"]
    assert list(streams.lines(lost, 15.0)) == []
    assert list(streams.lines(restored, 22.0)) == ["stream restored (book, mark) after 12 s"]


def test_B8_a_stream_that_comes_and_goes_is_a_line_a_minute() -> None:
    """A loss within the minute is counted, and told when it lasts."""
    streams, said = StreamLines(), []

    for at in range(0, 120, 5):
        said += streams.lines([StreamLost(channel=Channel.ACCOUNT, reason="reset")], float(at))
        said += streams.lines([StreamRestored(channel=Channel.ACCOUNT)], at + 1.0)

    assert len(said) == 4
    assert said[2] == "stream lost (account): reset (and 11 more like it before)"

    lost = [StreamLost(channel=Channel.ACCOUNT, reason="reset")]
    said = [line for at in (117.0, 119.0, 140.0) for line in streams.lines(lost, at)]
    assert said == ["stream lost for 23 s (account): reset (and 13 more like it before)"]


def test_B8_lines_in_files_carry_the_date(capsys: pytest.CaptureFixture[str]) -> None:
    """A log is read days later; a terminal shows the time."""
    Screen(is_terminal=False).tell("said")
    Screen(is_terminal=True).tell("said")
    in_file, on_terminal = capsys.readouterr().err.splitlines()

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ said", in_file)
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ said", on_terminal)


def test_B8_only_profit_and_halt_are_coloured_and_nothing_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour is for what must not be overlooked."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    line = "live BTC-USDT | flat | PnL -1.25 USDT | quotes -/- | HALT (a HALT)"

    assert coloured(line) == (
        "live BTC-USDT | flat | PnL \x1b[31m-1.25\x1b[0m USDT | quotes -/- | \x1b[31mHALT\x1b[0m (a HALT)"
    )
    assert "\x1b[32m+3.00\x1b[0m" in coloured("live BTC-USDT | flat | PnL +3.00 USDT")

    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured(line) == line
