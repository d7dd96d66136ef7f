"""A3: closing orders of others count with the amount that they hold, and a position that waits for them has a stop."""

from __future__ import annotations

import pytest
from tests.faults.stories import cancel_persons, rest_by_hand

from perpmaker.model.order import Side
from perpmaker.testing.scenario import Scenario

KEYS = {"bid_spread": 1, "ask_spread": 1, "long_profit_taking_spread": 2, "short_profit_taking_spread": 2}
SIDES = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


def holding(sign: int, others: str, **keys: object) -> Scenario:
    """A bot that has a position of 1 at 100, of which a person's target holds a part before the bot's does."""
    scenario = Scenario({**KEYS, "stop_loss_spread": 5, **keys})
    scenario.by_hand("buy" if sign > 0 else "sell", 1, at=100)
    rest_by_hand(scenario, Side.SELL if sign > 0 else Side.BUY, others, at="103" if sign > 0 else "97")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def fall(scenario: Scenario, sign: int) -> None:
    """The book is through the stop, the mark price nearly; neither moves any more."""
    scenario.mark("95.5" if sign > 0 else "104.5")
    scenario.book(bid="94" if sign > 0 else "106", ask="94.2" if sign > 0 else "106.2")


@SIDES
@pytest.mark.parametrize("order", ["limit", "market"])
def test_A3_a_small_order_of_others_holds_only_its_own_amount(sign: int, order: str) -> None:
    """A person's reduce-only order of 0.1 is no reason to leave the other 0.9 to a stop past the market."""
    scenario = holding(sign, "0.1", stop_loss_order=order)
    scenario.refuse("place stop loss: sell 1 " if sign > 0 else "place stop loss: buy 1 ", "reduce_only", times=None)
    fall(scenario, sign)
    scenario.advance(3)
    assert scenario.position().startswith("long 0.1 " if sign > 0 else "short 0.1 ")


@SIDES
def test_A3_what_others_hold_goes_as_close_position_meanwhile(sign: int) -> None:
    """Of the rest that they hold, a stop stands just past the market."""
    scenario = holding(sign, "0.1", venue_backstop=False)
    scenario.refuse("place stop loss", "reduce_only", times=3)
    fall(scenario, sign)
    scenario.advance(6)
    assert scenario.position().startswith("long 0.1 " if sign > 0 else "short 0.1 ")
    stop = "venue stop: sell 0.1 at 93.99" if sign > 0 else "venue stop: buy 0.1 at 106.21"
    assert stop in scenario.exits()


@pytest.mark.each_value
@SIDES
@pytest.mark.parametrize("backstop", [True, False])
@pytest.mark.parametrize("after", [0.3, 2.5, 3.1, 9.7])
def test_A3_the_work_is_taken_back_in_the_step_that_hears_of_it(sign: int, after: float, *, backstop: bool) -> None:
    """The person cancels the order that held everything: no pause of the retries is waited for."""
    scenario = holding(sign, "1", venue_backstop=backstop)
    fall(scenario, sign)
    scenario.advance(after)
    assert scenario.position() != "flat"
    cancel_persons(scenario)
    scenario.advance(0.05)
    assert scenario.position() == "flat"


@SIDES
def test_A3_a_position_that_waits_for_others_has_a_stop_at_every_moment(sign: int) -> None:
    """Without a backstop, too: from the first refusal on until it is closed."""
    scenario = holding(sign, "1", venue_backstop=False)
    fall(scenario, sign)
    scenario.advance(0.1)

    for _ in range(200):
        scenario.advance(0.05)
        assert any(line.startswith("venue stop") for line in scenario.exits())
