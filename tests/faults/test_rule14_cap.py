"""Rule 14: a position above the cap, made by others, is never quoted against."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

SIDES = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


def capped(**keys: object) -> Scenario:
    """A bot that quotes on while it holds a position, of 5 at most."""
    scenario = Scenario(
        {
            "when_in_position": "continue",
            "risk": {"exposure_limit": {"max_position": 5}},
            "long_profit_taking_spread": 3,
            "short_profit_taking_spread": 3,
            "order_refresh_time": 5,
            **keys,
        }
    )
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


@SIDES
def test_rule14_a_position_above_the_cap_has_no_quotes_on_either_side(sign: int) -> None:
    """Ten by other hands and a cap of five: the quotes that rest go, the exits are for all of it; why is said."""
    scenario = capped()
    scenario.by_hand("buy" if sign > 0 else "sell", 10, at=100)
    scenario.advance(0.1)
    assert scenario.quotes() == []
    assert scenario.exits() == ["take profit: sell 10 at 103" if sign > 0 else "take profit: buy 10 at 97"]

    scenario.advance(30)
    assert scenario.quotes() == []
    assert set(scenario.withheld().values()) == {"risk"}
    against = scenario.why("sell 0" if sign > 0 else "buy 0")[-1]
    assert "a position of 10 BTC is above max_position = 5: it is not quoted against" in against


@SIDES
def test_rule14_a_position_back_within_the_cap_is_quoted_again(sign: int) -> None:
    """Other hands take it down to the cap: its closing side is quoted, the adding one is full."""
    scenario = capped()
    scenario.by_hand("buy" if sign > 0 else "sell", 10, at=100)
    scenario.advance(10)
    scenario.by_hand("sell" if sign > 0 else "buy", 5, at=100)
    scenario.advance(10)
    assert scenario.quotes() == ["sell 1 at 100.1" if sign > 0 else "buy 1 at 99.9"]


@SIDES
def test_rule14_a_position_found_at_a_start_above_the_cap_is_not_quoted_against(sign: int) -> None:
    """It was there before the bot was."""
    scenario = capped()
    scenario.by_hand("buy" if sign > 0 else "sell", 7, at=100)
    scenario.restart()
    scenario.advance(10)
    assert scenario.quotes() == []


def test_rule14_each_hedge_side_has_its_own_cap() -> None:
    """A long position above the cap takes the bids off; asks open the short one, and stay."""
    scenario = capped(position_mode="Hedge")
    scenario.by_hand("buy", 10, at=100, position="long")
    scenario.advance(10)
    assert scenario.quotes() == ["sell 1 at 100.1"]
