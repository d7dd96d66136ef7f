"""A trigger that a venue cannot watch is refused with words, and not taken for another one."""

from __future__ import annotations

import pytest

from perpmaker.errors import ConfigurationError
from perpmaker.testing.scenario import Scenario


@pytest.mark.parametrize("backstop", [True, False])
def test_backstop_trigger_best_with_a_venues_stop_is_refused(*, backstop: bool) -> None:
    """Key, value, why, and both ways out."""
    keys = {"stop_loss_spread": 3, "stop_loss_order": "venue", "stop_loss_trigger": "best", "venue_backstop": backstop}

    with pytest.raises(ConfigurationError) as refused:
        Scenario(keys)

    words = ("stop_loss_trigger = 'best'", '"mark" or "last"', 'stop_loss_order = "venue"', '"limit" or "market"')
    assert all(word in str(refused.value) for word in words)


def test_backstop_trigger_that_can_be_watched_is_taken() -> None:
    """What the venue knows, or what is watched here."""
    for order, trigger in [("venue", "mark"), ("venue", "last"), ("limit", "best"), ("market", "best")]:
        Scenario({"stop_loss_spread": 3, "stop_loss_order": order, "stop_loss_trigger": trigger})
