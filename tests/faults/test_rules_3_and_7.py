"""Rules 3 and 7 of the strategy: what flaps about a bound makes at most one round of orders a second."""

from __future__ import annotations

import re
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from perpmaker.testing.scenario import Scenario

LEVELS = 3


def flapping(keys: dict[str, Any], *books: tuple[str, str], seconds: int = 20) -> int:
    """How many orders are sent while the market jumps from one book to the next every 10 ms."""
    scenario = Scenario({"order_levels": LEVELS, "order_refresh_time": 3600, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(2)

    for number in range(100 * seconds):
        bid, ask = books[number % len(books)]
        scenario.book(bid=bid, ask=ask)
        scenario.advance(0.01)

    return len(scenario.sent(since=2))


@pytest.mark.parametrize(
    ("keys", "away"),
    [
        ({"price_ceiling": 100.5}, ("100.9", "101.1")),
        ({"price_floor": 99.5}, ("98.9", "99.1")),
    ],
)
def test_rule_3_a_price_flapping_about_the_band_makes_few_orders(keys: dict[str, Any], away: tuple[str, str]) -> None:
    """The side that the band takes off stays off until the reference has been inside for a second."""
    assert flapping({"bid_spread": 5, "ask_spread": 5, **keys}, away, ("99.9", "100.1")) == LEVELS


@pytest.mark.parametrize("away", [("98.9", "99.1"), ("100.9", "101.1")])
def test_rule_7_a_price_flapping_about_the_minimum_makes_one_round_a_second(away: tuple[str, str]) -> None:
    """A level that the market comes too near to is replaced once a second at most."""
    sent = flapping({"bid_spread": 1, "ask_spread": 1, "minimum_spread": 0.5}, away, ("99.9", "100.1"), seconds=10)
    assert sent <= 2 * 2 * 10


LADDER = {"order_levels": 3, "bid_spread": 1, "ask_spread": 1, "order_level_spread": 1, "leverage": 2}
"""Three levels of 1 a side, at 1, 2 and 3 %."""


def test_rule_3_hold_never_places_a_lower_ladder() -> None:
    """What the band took off while a position is open stays off until it is flat: the ladder is never placed anew."""
    scenario = Scenario({**LADDER, "price_ceiling": 100.5, "filled_order_delay": 1, "long_profit_taking_spread": 50})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(2)
    scenario.fill("buy 0")
    scenario.advance(2)
    assert scenario.quotes() == ["buy 1 at 98", "buy 1 at 97"]
    scenario.book(bid="100.9", ask="101.1")
    scenario.advance(2)
    scenario.book(bid="97.9", ask="98.1")
    scenario.advance(90)
    assert (scenario.quotes(), scenario.position()) == ([], "long 1 at 99")


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 6))])
def test_rule_3_the_position_of_hold_never_exceeds_one_ladder(seed: int) -> None:
    """Whatever takes quotes off and puts them back, in hold the position is at most the sum of one side's levels."""
    scenario = Scenario(
        {
            **LADDER,
            "price_ceiling": 101,
            "minimum_spread": 0.6,
            "filled_order_delay": 0.5,
            "order_refresh_time": 2,
            "long_profit_taking_spread": 90,
            "short_profit_taking_spread": 90,
        }
    )
    random = Random(seed)  # noqa: S311  # a market, not cryptography
    mid = 100.0

    for _ in range(150):
        mid = max(60.0, mid + random.choice((-0.9, -0.4, 0.3, 0.6)))
        scenario.book(bid=f"{mid - 0.05:.2f}", ask=f"{mid + 0.05:.2f}")
        scenario.advance(random.choice((0.05, 0.4, 1.3)))

        if random.random() < 0.1:
            scenario.disconnect("account")
            scenario.advance(0.2)
            scenario.restore("account")

    (size,) = re.findall(r"(?:long|short) ([\d.]+)", scenario.position()) or ["0"]
    assert 1 <= Decimal(size) <= LEVELS
