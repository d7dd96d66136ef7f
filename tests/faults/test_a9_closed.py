"""A9, D10: no alarm where nothing is wrong, as at a beginning or for a stop that came second; ends in words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perpmaker.state.view import End
from perpmaker.testing.scenario import Scenario

from .test_a9_refusals import holding


def beginning(settings: dict[str, object], *, amends: bool) -> Sequence[str]:
    """The notices of the first second of a scenario."""
    scenario = Scenario(settings, amends=amends)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario.notices


@pytest.mark.each_value
@pytest.mark.parametrize("amends", [True, False])
@pytest.mark.parametrize("leverage", [1, 3, 20])
@pytest.mark.parametrize("mode", ["One-way", "Hedge"])
def test_D10_a_scenario_begins_with_the_settings_that_it_asks_for(mode: str, leverage: int, *, amends: bool) -> None:
    """They are set before a bot runs, so that nothing was changed."""
    assert list(beginning({"position_mode": mode, "leverage": leverage}, amends=amends)) == []


@pytest.mark.parametrize("end", End, ids=str)
def test_B14_how_an_order_ended_is_said_in_words(end: End) -> None:
    """No name of the code reaches a person."""
    assert end.words
    assert "_" not in end.words


@pytest.mark.parametrize(("reason", "is_told"), [("reduce_only", False), ("filter", True)])
def test_A9_a_stop_with_nothing_to_reduce_is_no_alarm_at_once(reason: str, *, is_told: bool) -> None:
    """The position was closed in that moment; where it was not, a person reads so within seconds."""
    scenario = holding(stop_loss_order="market")
    scenario.refuse("place stop loss", reason, times=None)
    scenario.book(bid="94", ask="94.2")
    scenario.advance(1.5)
    assert any("STOP LOSS" in line for line in scenario.notices) is is_told
    scenario.advance(3)
    assert any("STOP LOSS" in line for line in scenario.notices)
