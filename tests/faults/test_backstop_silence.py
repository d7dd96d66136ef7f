"""The backstop while the public streams are silent: at the stop's level until they have been back for a while."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

KEYS = {"long_profit_taking_spread": 5, "short_profit_taking_spread": 5, "stop_loss_spread": 3, "bid_spread": 2}
LEVEL, BEHIND = "sell 1 at 97", "sell 1 at 96.25"


def holding(amount: int = 1, **keys: object) -> Scenario:
    """A bot with a position at 100 and its backstop, all streams alive, at 20 s."""
    scenario = Scenario({**KEYS, "ask_spread": 2, **keys})
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(20)

    return scenario


def stops(scenario: Scenario) -> list[str]:
    """The stops that rest on the venue."""
    return [line.removeprefix("venue stop: ") for line in scenario.exits() if line.startswith("venue stop")]


def placed(scenario: Scenario, since: float) -> list[tuple[float, str]]:
    """The stops that were sent since then: when, and where to."""
    return [
        (at, what.removeprefix("place venue stop: ")) for at, what in scenario.sent("place venue stop", since=since)
    ]


@pytest.mark.each_value
@pytest.mark.parametrize("answers", [0.005, 0.5, 1.9], ids=["quick", "slow", "very slow"])
@pytest.mark.parametrize(("amount", "level"), [(1, LEVEL), (-1, "buy 1 at 103")], ids=["long", "short"])
def test_backstop_stays_at_the_level_while_only_rest_brings_the_mark(amount: int, level: str, answers: float) -> None:
    """A mark price that is asked for is no stream: the stop is moved once, over its bridge, and stays."""
    scenario = holding(amount)
    scenario.delay("ask price", requests=0.005, answers=answers)
    scenario.silence("book")
    scenario.silence("mark")
    scenario.advance(300)
    assert stops(scenario) == [level]
    assert [what for _, what in placed(scenario, since=20)] == [level, level]


def test_backstop_goes_back_once_the_streams_have_been_fresh_for_a_while() -> None:
    """Not at their first word: ten seconds without a break."""
    scenario = holding()
    scenario.silence("book")
    scenario.silence("mark")
    scenario.advance(40)
    scenario.restore("book")
    scenario.restore("mark")
    scenario.advance(9)
    assert stops(scenario) == [LEVEL]

    scenario.advance(2)
    assert stops(scenario) == [BEHIND]


def test_backstop_does_not_follow_streams_that_come_and_go() -> None:
    """Two seconds of life each minute are no sight."""
    scenario = holding()

    for _ in range(5):
        scenario.silence("book")
        scenario.silence("mark")
        scenario.advance(58)
        scenario.restore("mark")
        scenario.advance(2)

    assert stops(scenario) == [LEVEL]
    assert [what for _, what in placed(scenario, since=20)] == [LEVEL, LEVEL]


def test_backstop_of_each_hedge_side_stays_at_its_level() -> None:
    """Both positions are as blind as each other."""
    scenario = Scenario({**KEYS, "ask_spread": 2, "position_mode": "Hedge"})
    scenario.by_hand("buy", 1, at=100, position="long")
    scenario.by_hand("sell", 1, at=100, position="short")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(20)
    scenario.disconnect("book")
    scenario.disconnect("mark")
    scenario.advance(120)
    assert sorted(scenario.exits())[-2:] == ["venue stop long: sell 1 at 97", "venue stop short: buy 1 at 103"]
    assert len(placed(scenario, since=20)) == 4


def test_backstop_at_a_start_goes_behind_with_the_first_word_of_a_stream() -> None:
    """A program that has just begun was not blind: nothing was heard that could have fallen silent."""
    scenario = holding()
    scenario.restart()
    scenario.advance(3)
    assert stops(scenario) == [BEHIND]


def test_backstop_at_a_start_stays_while_the_streams_have_not_had_time_to_speak() -> None:
    """It is moved after five seconds in which nothing was shown, and not in the first moment."""
    scenario = holding()
    scenario.silence("book")
    scenario.silence("mark")
    scenario.restart()
    began = scenario.now
    scenario.advance(4)
    assert stops(scenario) == [BEHIND]
    assert placed(scenario, since=began) == []

    scenario.advance(3)
    assert stops(scenario) == [LEVEL]
