"""Strategy, rule 10: levels that vanish without a fill."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario


def quoting(**keys: object) -> Scenario:
    """A bot on a market around 100, its quotes placed."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "order_refresh_time": 600, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def test_rule_10_cancelled_by_the_venue_for_a_reason_it_names_is_placed_again_at_once() -> None:
    """The other side does not notice."""
    scenario = quoting()
    scenario.expire("buy 0")
    scenario.advance(0.1)

    assert scenario.sent(since=1) == [(1.005, "place buy 0: 1 at 99")]


def test_rule_10_again_and_again_it_waits_longer() -> None:
    """At once, then after 1, 2, 4 .. 30 s."""
    scenario = quoting()
    waits = []

    for _ in range(8):
        began = scenario.now
        scenario.expire("buy 0")

        while "buy 1 at 99" not in scenario.quotes():
            scenario.advance(0.05)

        waits.append(scenario.sent("place buy 0", since=began)[0].at - began)

    assert waits == pytest.approx([0, 1, 2, 4, 8, 16, 30, 30], abs=0.02)


def test_rule_10_at_most_six_a_minute() -> None:
    """A venue that throws the quote out each time is not flooded."""
    scenario = quoting()

    for _ in range(600):
        if "buy 1 at 99" in scenario.quotes():
            scenario.expire("buy 0")

        scenario.advance(0.1)

    assert len(scenario.sent("place buy 0", since=0.5)) <= 6


def test_F40_rule_10_post_only_refused_is_placed_again_at_once_and_then_slower() -> None:
    """The refusals of one minute are at most six, and no try ever takes: whatever is sent is post-only."""
    scenario = Scenario()
    scenario.refuse("place buy", "post_only_would_take", times=None)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(60)

    times = [at for at, _ in scenario.sent("place buy")]
    assert times[1] - times[0] < 0.1
    assert len(times) <= 7
    assert scenario.withheld() == {"buy 0": "vanished"}
    assert scenario.fills() == []


def test_F40_post_only_refused_because_the_market_moved_is_priced_away_from_it() -> None:
    """The ask fell below our bid while it was under way: the next try stands below that ask, and rests."""
    scenario = Scenario()
    scenario.refuse("place buy", "post_only_would_take")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.01)
    scenario.book(bid="97.9", ask="98.1")
    scenario.advance(3)

    assert [what for _, what in scenario.sent("place buy")] == ["place buy 0: 1 at 99.9", "place buy 0: 1 at 97.9"]
    assert "buy 1 at 97.9" in scenario.quotes()
    assert scenario.fills() == []


def test_rule_10_after_the_venue_takes_it_again_the_level_is_quoted() -> None:
    """Patience ends with the fault."""
    scenario = Scenario()
    scenario.refuse("place buy", "post_only_would_take", times=3)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(10)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]


def test_F50_rule_10_cancelled_by_a_person_pauses_the_level_for_one_refresh_time() -> None:
    """An unrequested cancel without a reason is a person's wish: no fight."""
    scenario = quoting(order_refresh_time=15)
    scenario.advance(1)
    scenario.cancel_by_hand("buy 0")
    scenario.advance(14.9)
    assert scenario.quotes() == ["sell 1 at 101"]
    assert scenario.withheld() == {"buy 0": "vanished"}

    scenario.advance(1)
    (again,) = scenario.sent("place", since=2)
    assert again.what == "place buy 0: 1 at 99"
    assert again.at == pytest.approx(17.005, abs=0.02)


def test_F50_rule_10_the_other_levels_go_on() -> None:
    """Only the level that was cancelled pauses."""
    scenario = quoting(order_refresh_time=15, order_levels=2)
    scenario.cancel_by_hand("buy 0")
    scenario.book(bid="99.8", ask="100")
    scenario.advance(14.5)

    assert scenario.quotes() == ["buy 1 at 97.9", "sell 1 at 100.9", "sell 1 at 101.9"]
