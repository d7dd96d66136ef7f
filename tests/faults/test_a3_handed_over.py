"""A3 and the backstop: a stop rests on the venue from the first fill, and a fired stop takes its work back."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

KEYS = {"bid_spread": 1, "ask_spread": 1, "long_profit_taking_spread": 2, "short_profit_taking_spread": 2}


def holding(side: str = "buy", **keys: object) -> Scenario:
    """A bot that has a position at 99 (short: 101), its target and its stop on the venue resting."""
    scenario = Scenario({**KEYS, "stop_loss_spread": 5, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill(f"{side} 0")
    scenario.advance(1)

    return scenario


@pytest.mark.each_value
@pytest.mark.parametrize("order", ["limit", "market"])
@pytest.mark.parametrize(("side", "stop"), [("buy", "sell 1 at 92.81"), ("sell", "buy 1 at 107.32")])
def test_A3_a_backstop_rests_from_the_first_fill(order: str, side: str, stop: str) -> None:
    """Whatever stop_loss_order is: by the mark price, a quarter further out than the stop itself."""
    assert f"venue stop: {stop}" in holding(side, stop_loss_order=order).exits()


def test_A3_at_an_end_the_backstop_is_moved_to_the_stops_level() -> None:
    """Nobody is left who would send the stop: the venue fires it at its own level."""
    scenario = holding()
    scenario.stop()
    scenario.advance(5)
    assert "venue stop: sell 1 at 94.05" in scenario.exits()


def test_A3_without_a_backstop_none_rests() -> None:
    """venue_backstop = false is a decision."""
    assert holding(venue_backstop=False).exits() == ["take profit: sell 1 at 100.98"]


@pytest.mark.each_value
@pytest.mark.parametrize("fault", ["lost cancels", "busy cancels", "slow cancel", "refused stop"])
@pytest.mark.parametrize("backstop", [True, False])
def test_A3_a_fired_stop_takes_its_work_back(fault: str, *, backstop: bool) -> None:
    """Whatever kept the stop out for a while: as soon as nothing holds the position, the position is closed."""
    scenario = holding(venue_backstop=backstop)

    if fault == "lost cancels":
        scenario.lose("cancel take profit", "before", times=3)
    elif fault == "busy cancels":
        scenario.refuse("cancel take profit", "busy", times=5)
    elif fault == "slow cancel":
        scenario.delay("cancel take profit", requests=1.0, answers=1.1)
    else:
        scenario.refuse("place stop loss", "reduce_only", times=4)

    scenario.book(bid="94", ask="94.2")
    scenario.mark("94.1")
    scenario.advance(60)
    assert (scenario.position(), scenario.exits()) == ("flat", [])


def test_A3_a_wish_to_be_flat_takes_its_work_back_too() -> None:
    """`--close` is not left to a stop past the market."""
    scenario = holding()
    scenario.lose("cancel take profit", "before", times=3)
    scenario.stop(close=True)
    scenario.advance(60)
    assert scenario.position() == "flat"
