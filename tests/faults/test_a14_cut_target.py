"""A14: a target that the venue has cut while the position grew is resized at once."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

from .stories import in_position

KEYS = {
    "bid_spread": 1,
    "ask_spread": 1,
    "long_profit_taking_spread": 2,
    "short_profit_taking_spread": 2,
    "order_refresh_time": 100,
}


def holding(amount: int = 1, **keys: object) -> Scenario:
    """A bot with a position at 100 (negative: short), its target resting, at 1 s."""
    return in_position({**KEYS, **keys}, amount)


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("amount", "less", "more", "target"),
    [
        (1, "sell", "buy", "take profit: sell {} at 102"),
        (-1, "buy", "sell", "take profit: buy {} at 98"),
    ],
    ids=["long", "short"],
)
@pytest.mark.parametrize("grown", ["2.5", "0.2", "0.5"])
def test_A14_a_target_that_was_cut_is_resized_as_soon_as_the_position_has_grown(
    amount: int, less: str, more: str, target: str, grown: str
) -> None:
    """A person closes half and opens more a moment later: the target is as large as the position, not the half."""
    scenario = holding(amount)
    scenario.by_hand(less, "0.5", at=100)  # type: ignore[arg-type]
    scenario.advance(0.1)
    scenario.by_hand(more, grown, at=100)  # type: ignore[arg-type]
    scenario.advance(0.1)

    assert scenario.exits() == [target.format(f"{0.5 + float(grown):g}")]
