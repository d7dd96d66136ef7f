"""A start without a journal that takes over what is there: the stop on the venue stays until its successor rests."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker.testing.scenario import Scenario

from .stories import in_position

EXITS = {"long_profit_taking_spread": 5, "short_profit_taking_spread": 5, "stop_loss_spread": 4, "bid_spread": 2}
SIDES = pytest.mark.parametrize("amount", [1, -1], ids=["long", "short"])
BACKSTOP = {1: "venue stop: sell 1 at 95", -1: "venue stop: buy 1 at 105"}


def stops(scenario: Scenario) -> list[str]:
    """What rests on the venue against the position."""
    return [exit_ for exit_ in scenario.exits() if exit_.startswith("venue stop")]


@SIDES
def test_a12_a_stop_that_nobody_knows_stays_where_it_is_right(amount: int) -> None:
    """It is where ours belongs: nothing is sent, and the program may die at any moment."""
    scenario = in_position(EXITS, amount)
    (before,) = [one.client_id for one in scenario.orders() if one.name == "venue stop"]
    begun = scenario.now
    scenario.restart(remembers=False)
    scenario.advance(5)

    assert [one.client_id for one in scenario.orders() if one.name == "venue stop"] == [before]
    assert scenario.sent("place venue stop", "cancel venue stop", since=begun + 0.001) == []


@SIDES
@pytest.mark.parametrize("reason", ["busy", "other", "rate_limit"])
def test_a12_it_stays_while_the_venue_takes_no_other(amount: int, reason: str) -> None:
    """Nothing that is to replace the old one gets through: the old one protects until that is over."""
    scenario = in_position(EXITS, amount)
    scenario.refuse("place venue stop", reason, times=None)
    scenario.restart(remembers=False)

    for _ in range(50):
        scenario.advance(0.1)
        assert stops(scenario) == [BACKSTOP[amount]]


@pytest.mark.parametrize("settings", [{}, {"position_mode": "Hedge"}], ids=["One-way", "Hedge"])
def test_a12_a_stop_without_a_position_goes(settings: dict[str, Any]) -> None:
    """What it was for was closed while nobody watched."""
    scenario = Scenario({**EXITS, **settings})
    scenario.book(bid="99.9", ask="100.1")
    side: Any = "long" if settings else "net"
    scenario.by_hand("buy", 1, at=100, position=side)
    scenario.advance(1)
    assert len(stops(scenario)) == 1

    scenario.stall(1000)
    scenario.cancel_by_hand("take profit long" if settings else "take profit")
    scenario.by_hand("sell", 1, at=100, position=side)
    scenario.restart(remembers=False)
    scenario.advance(5)

    assert scenario.exits() == []
