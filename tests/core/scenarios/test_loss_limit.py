"""`loss_limit` in whole sessions: losses that are booked and unrealised, over restarts, days and a resume; stops."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument

BASE: dict[str, Any] = {
    "stop_loss_spread": 1,
    "stop_loss_order": "market",
    "long_profit_taking_spread": 0.5,
    "filled_order_delay": 1,
    "venue_backstop": False,
}


def losing(**limit: Any) -> Scenario:
    """A bot with the limit, and without a stop where losses are looked at while they are open."""
    return Scenario({**BASE, "risk": {"loss_limit": limit}})


def buy(scenario: Scenario) -> None:
    """A bid of 1 fills at 99.9."""
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(20)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    assert scenario.position() == "long 1 at 99.9"


def stop_out(scenario: Scenario) -> None:
    """The same, and the market falls through the stop: 1.9 is lost at 98."""
    buy(scenario)
    scenario.book(bid="98", ask="98.2")
    scenario.advance(0.5)
    assert scenario.position() == "flat"
    scenario.book(bid="99.9", ask="100.1")


def test_an_unrealised_loss_reaches_the_limit_of_the_day() -> None:
    """0.5 below the entry at the mark price: not a tick before; quotes go, target and position stay, as a halt does."""
    scenario = losing(max_daily_loss=0.5)
    buy(scenario)
    scenario.mark("99.41")
    scenario.advance(1)
    assert scenario.mode == "run"
    scenario.mark("99.4")
    scenario.advance(0.1)
    assert scenario.mode == "halt: loss_limit: 0.50 USDT lost today on this market, max_daily_loss = 0.5"
    assert scenario.quotes() == []
    assert scenario.exits() == ["take profit: sell 1 at 100.4"]
    assert any("until a person resumes" in line for line in scenario.notices)


def test_flatten_closes_the_position() -> None:
    """At market, and nothing is quoted then."""
    scenario = losing(max_daily_loss=0.5, action="flatten")
    buy(scenario)
    scenario.mark("99.4")
    scenario.advance(1)
    assert scenario.position() == "flat"
    assert scenario.mode.startswith("halt: loss_limit")


def test_a_days_loss_is_not_forgotten_by_a_restart() -> None:
    """1.9 are booked before it, and 1.8 at the mark price when the second stop fires: together more than 3."""
    scenario = losing(max_daily_loss=3, stop_delay=0)
    stop_out(scenario)
    scenario.advance(2)
    assert scenario.mode == "run"

    scenario.restart()
    scenario.advance(1)
    assert scenario.mode == "run"
    stop_out(scenario)
    scenario.advance(0.5)
    assert scenario.mode == "halt: loss_limit: 3.70 USDT lost today on this market, max_daily_loss = 3"


def test_what_is_lost_while_no_run_was_there_counts_after_it() -> None:
    """A person's sale is none of the bot's, but a position that lost its value is."""
    scenario = losing(max_daily_loss=0.5)
    buy(scenario)
    scenario.restart()
    scenario.mark("99.3")
    scenario.advance(1)
    assert scenario.mode.startswith("halt: loss_limit: 0.60 USDT lost today")


@pytest.mark.full
def test_the_next_day_begins_anew_and_pull_ends_with_the_day() -> None:
    """The scenario begins at midnight: 24 hours later quotes are back, and the drawdown of the day before is none."""
    scenario = losing(max_daily_loss=1.5, action="pull", stop_delay=0)
    stop_out(scenario)
    scenario.advance(60)
    assert scenario.mode == "reduce: loss_limit: 1.90 USDT lost today on this market, max_daily_loss = 1.5"
    assert scenario.quotes() == []

    scenario.advance(24 * 3600 - scenario.now - 1)
    assert scenario.quotes() == []
    scenario.advance(3)
    assert scenario.mode == "run"
    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]


@pytest.mark.full
def test_a_drawdown_is_counted_from_the_best_over_days() -> None:
    """A target wins 0.5, then two days with a stop each lose 3.8 from there."""
    scenario = losing(max_drawdown=3.5, stop_delay=0, max_stops=0)
    buy(scenario)
    scenario.fill("take profit")
    scenario.advance(40)
    stop_out(scenario)
    scenario.advance(24 * 3600)
    assert scenario.mode == "run"
    stop_out(scenario)
    scenario.advance(1)
    assert scenario.mode == "halt: loss_limit: 3.80 USDT lost from its best on this market, max_drawdown = 3.5"


def test_a_person_who_resumes_begins_anew() -> None:
    """After that the same loss is needed once more, and so are as many stops."""
    for limit, words in [
        ({"max_daily_loss": 1.5, "stop_delay": 0}, "1.80 USDT lost today"),
        ({"max_stops": 1, "stop_delay": 0}, "1 stop within 3600 s"),
    ]:
        scenario = losing(**limit)
        stop_out(scenario)
        scenario.advance(1)
        assert scenario.mode.startswith(f"halt: loss_limit: {words}")

        scenario.restart()
        scenario._trader.begin_anew(1)
        scenario.advance(5)
        assert scenario.mode == "run"
        scenario.restart()
        scenario._trader.begin_anew(1)  # it is known already, and counts once
        scenario.advance(1)
        stop_out(scenario)
        scenario.advance(1)
        assert scenario.mode.startswith(f"halt: loss_limit: {words}")


def test_the_account_counts_beside_the_market() -> None:
    """The equity is read, the market's own loss moves it at once."""
    scenario = losing(max_account_daily_loss=1)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(200)
    buy(scenario)
    scenario.mark("98.95")
    scenario.advance(0.1)
    assert scenario.mode == "run"
    scenario.mark("98.9")
    scenario.advance(0.1)
    assert scenario.mode == "halt: loss_limit: 1.00 USDT lost today by the account, max_account_daily_loss = 1"


def test_three_stops_within_an_hour_halt_and_pauses_double_before() -> None:
    """60 s after the first, 120 s after the second; a restart forgets none of it."""
    scenario = losing()
    stop_out(scenario)
    scenario.advance(55)
    assert scenario.mode == "reduce: loss_limit: 1 stop since a target was filled: nothing is quoted for 60 s"
    scenario.restart()
    scenario.advance(3)
    assert scenario.quotes() == []
    scenario.advance(5)
    assert scenario.mode == "run"

    stop_out(scenario)
    scenario.advance(110)
    assert scenario.mode == "reduce: loss_limit: 2 stops since a target was filled: nothing is quoted for 120 s"
    scenario.advance(15)
    assert scenario.mode == "run"

    stop_out(scenario)
    scenario.advance(1)
    assert scenario.mode == "halt: loss_limit: 3 stops within 3600 s, max_stops = 3"


def test_a_filled_target_ends_the_row_of_stops() -> None:
    """The next pause is 60 s again."""
    scenario = losing(max_stops=0)
    stop_out(scenario)
    scenario.advance(70)
    buy(scenario)
    scenario.fill("take profit")
    scenario.advance(5)
    stop_out(scenario)
    scenario.advance(10)
    assert scenario.mode == "reduce: loss_limit: 1 stop since a target was filled: nothing is quoted for 60 s"


def test_fees_count() -> None:
    """A market whose fees alone reach the limit."""
    rules = make_instrument(maker_fee=Decimal("0.001"), taker_fee=Decimal("0.001"))
    scenario = Scenario({**BASE, "risk": {"loss_limit": {"max_daily_loss": 0.0999}}}, instrument=rules)
    scenario.mark("99.9")
    buy(scenario)
    assert scenario.mode.startswith("halt: loss_limit: 0.10 USDT lost today on this market")
