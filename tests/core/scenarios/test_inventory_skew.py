"""Inventory skew in whole sessions: the file's errors, the ladder that follows the position, and what it is for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from tests.core.scenarios import skew_study

from perpmaker import RiskModuleDeclaration
from perpmaker.errors import ConfigurationError
from perpmaker.risk.interface import Approved
from perpmaker.testing.scenario import Scenario

SKEW: dict[str, Any] = {
    "bid_spread": 0.2,
    "ask_spread": 0.2,
    "when_in_position": "continue",
    "inventory_skew": 1,
    "inventory_skew_distance": 0.1,
    "filled_order_delay": 0,
    "long_profit_taking_spread": 2,
    "short_profit_taking_spread": 2,
    "risk": {"exposure_limit": {"max_position": 4}},
}


def problems(**changes: Any) -> list[str]:
    """What a file with these keys is refused for."""
    with pytest.raises(ConfigurationError) as refused:
        Scenario({**SKEW, **changes})

    return [str(problem) for problem in refused.value.problems]


def test_the_ladder_follows_the_position() -> None:
    """A bid of 1 under a cap of 4 fills: at once the centre lies a quarter of 0.1 % below the reference."""
    scenario = Scenario(SKEW)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert scenario.quotes() == ["buy 1 at 99.8", "sell 1 at 100.2"]

    scenario.fill("buy 0")
    scenario.advance(0.1)
    assert scenario.quotes() == ["buy 1 at 99.77", "sell 1 at 100.18"]
    assert scenario.why("sell 0")[1:4] == [
        "spread: 0.2 % above the reference (0.002)",
        "rounding: amount down to the lot (1)",
        "inventory skew: long 1 of 4 BTC: the ladder's centre is 0.025 % below the reference (-0.00025)",
    ]

    scenario.fill("sell 0")
    scenario.advance(0.1)
    assert scenario.position() == "flat"
    assert scenario.quotes() == ["buy 1 at 99.8", "sell 1 at 100.2"]


def test_part_fills_move_the_ladder_only_by_twentieths_of_the_cap() -> None:
    """0.19 of a cap of 4 is 4.75 %: nothing is sent; 0.01 more is 5 %, and both sides are laid anew."""
    scenario = Scenario(SKEW)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0", "0.19")
    scenario.advance(1)
    assert scenario.sent("place buy", "place sell", "cancel", since=0.5) == []

    scenario.fill("buy 0", "0.01")
    scenario.advance(1)
    placed = [one.what for one in scenario.sent("place buy", "place sell", since=0.5)]
    assert placed == ["place buy 0: 1 at 99.79"]  # the ask's new price, 100.195, is the same tick


def test_the_skew_closes_nothing_at_a_loss_unless_it_may() -> None:
    """Below the entry the closing quote stands where it would without skew; with the key it comes nearer."""
    for may, quotes in [
        (False, ["buy 1 at 97.77", "sell 1 at 98.2"]),
        (True, ["buy 1 at 97.77", "sell 1 at 98.18"]),
    ]:
        scenario = Scenario({**SKEW, "skew_may_close_at_loss": may})
        scenario.book(bid="99.9", ask="100.1")
        scenario.advance(1)
        scenario.fill("buy 0")
        scenario.book(bid="97.9", ask="98.1")
        scenario.advance(20)
        assert scenario.quotes() == quotes
        held = "inventory skew: no nearer: closing beyond the entry price would realise a loss (99.8)"
        assert (held in scenario.why("sell 0")) is not may


def test_skew_needs_quotes_beside_a_position_and_a_cap_in_base() -> None:
    """Each error names the key and what mends it."""
    assert problems(when_in_position="hold") == [
        '--set: inventory_skew = 1: needs when_in_position = "continue": otherwise nothing is quoted beside a position'
    ]
    assert problems(risk={"exposure_limit": {"max_notional": 400}}) == [
        "--set: inventory_skew = 1: needs a cap of the position in base asset: max_position in [risk.exposure_limit]"
    ]
    assert [one.partition(" = ")[0] for one in problems(risk={})] == [
        "--set: when_in_position",
        "--set: inventory_skew",
    ]
    assert problems(inventory_skew=1.5)[0] == (
        "--set: inventory_skew = 1.5: must be a number, above 0 and at most 1, or 0 (off)"
    )


@attrs.frozen(kw_only=True)
class OwnSettings:
    """A module of somebody else with a cap of its own name."""

    most: Decimal = Decimal(2)


class OwnModule:
    """Approves everything."""

    def __init__(self, settings: OwnSettings, instrument: object) -> None:
        """Take what a module is built of."""

    def review(self, _: object, quote: Any) -> Approved:
        """Approve."""
        return Approved(quote=quote)


def test_the_cap_is_what_any_module_that_bounds_exposure_declares() -> None:
    """The core knows no module by name: a stranger's cap counts, and the smallest of several."""
    own = RiskModuleDeclaration(
        name="own", summary="Its own cap", settings=OwnSettings, build=OwnModule, bounds_exposure=True, cap_key="most"
    )
    scenario = Scenario({**SKEW, "risk": {"own": {}, "exposure_limit": {"max_position": 4}}}, plugins=[own])
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    assert "long 1 of 2 BTC" in scenario.why("buy 0")[3]


@pytest.mark.full
def test_over_fifty_seeds_the_inventory_is_smaller_and_fills_are_as_many() -> None:
    """Issue 10, point 7: fills within 5 %, root mean square of the net position at most 0.7 of that without skew."""
    found = skew_study.study(range(50), 900)
    assert found.inventory <= 0.7
    assert 0.95 <= found.fills <= 1.05


def test_over_a_few_seeds_the_inventory_is_smaller() -> None:
    """A seed of some minutes under a third of the cap: too few fills for their number to say anything."""
    found = skew_study.study([0], 150, cap=Decimal("0.01"))
    assert found.inventory <= 0.7
    assert 0.8 <= found.fills <= 1.25
