"""Row A12: quotes of a run that nobody remembers are gone before others take their place."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from perpmaker.testing.scenario import Scenario


@pytest.mark.each_value
@pytest.mark.parametrize("settings", [{}, {"position_mode": "Hedge"}, {"order_levels": 3}], ids=str)
@pytest.mark.parametrize("cancels_s", [0.0, 0.8])
def test_A12_no_side_is_ever_larger_than_its_ladder(cancels_s: float, settings: dict[str, Any]) -> None:
    """The journal is lost: what rests is cancelled, and nothing is placed beside it while that is under way."""
    scenario = Scenario({"order_refresh_time": 300, **settings})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    most = Counter(order.side for order in scenario.orders())
    scenario.delay("cancel", requests=cancels_s)
    scenario.restart(remembers=False)

    for _ in range(60):
        scenario.advance(0.05)
        now = Counter(order.side for order in scenario.orders())
        assert all(now[side] <= most[side] for side in now), scenario.now

    assert Counter(order.side for order in scenario.orders()) == most
    assert len(scenario.quotes()) == 2 * int(settings.get("order_levels", 1))
