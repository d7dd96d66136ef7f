"""The stops that have closed positions, as a risk module sees them, over restarts."""

from __future__ import annotations

from typing import Any

from perpmaker.testing.scenario import Scenario

STOP: dict[str, Any] = {
    "stop_loss_spread": 1,
    "stop_loss_order": "market",
    "long_profit_taking_spread": 0.5,
    "filled_order_delay": 1,
}


def stopped_out(scenario: Scenario) -> None:
    """A bid fills, and the market falls through its stop, and comes back."""
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(20)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.book(bid="98", ask="98.2")
    scenario.advance(1)
    assert scenario.position() == "flat"


def test_stops_are_counted_one_by_one_and_outlive_a_restart() -> None:
    """Two stops, a restart, a third: three times, each at its moment."""
    scenario = Scenario(STOP)
    stopped_out(scenario)
    stopped_out(scenario)
    times = list(scenario._trader.state.stops.times)
    assert len(times) == 2

    scenario.restart()
    stopped_out(scenario)
    seen = list(scenario._trader.state.stops.times)
    assert seen[:2] == [round(at, 3) for at in times]
    assert len(seen) == 3


def test_a_stop_that_was_under_way_at_a_restart_counts_once() -> None:
    """It had fired, and is through when the next run begins, or a moment later."""
    for late in (False, True):
        scenario = Scenario(STOP)
        scenario.book(bid="99.9", ask="100.1")
        scenario.advance(1)
        scenario.fill("buy 0")
        scenario.advance(0.1)

        if late:
            scenario.refuse("place stop loss", "busy", times=3)

        scenario.book(bid="98", ask="98.2")
        scenario.restart()
        scenario.advance(5)
        assert scenario.position() == "flat"
        assert len(scenario._trader.state.stops.times) == 1


def test_a_filled_target_is_remembered() -> None:
    """Its time, not that of a quote, and over a restart."""
    scenario = Scenario(STOP)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(1)
    assert scenario._trader.state.orders.endings.target_filled_at is None

    scenario.fill("take profit")
    scenario.advance(1)
    scenario.restart()
    scenario.advance(1)
    filled_at = scenario._trader.state.orders.endings.target_filled_at
    assert filled_at is not None
    assert 2 < filled_at < 2.2
