"""Strategy, stop loss `venue`: a conditional stop rests on the venue from the moment the position exists."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

KEYS = {
    "bid_spread": 0.5,
    "ask_spread": 0.5,
    "long_profit_taking_spread": 1,
    "short_profit_taking_spread": 1,
    "stop_loss_spread": 3,
    "stop_loss_order": "venue",
    "order_refresh_time": 60,
}


def holding(amount: int = 1, **keys: object) -> Scenario:
    """A bot that has a position at 100 (negative: short), its target and its stop resting, at 1 s."""
    scenario = Scenario({**KEYS, **keys})
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def test_it_rests_beside_the_target_from_the_fill_on() -> None:
    """Both go out in the step that hears of the fill."""
    scenario = Scenario(KEYS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.02)

    assert scenario.exits() == ["venue stop: sell 1 at 96.51", "take profit: sell 1 at 100.5"]


@pytest.mark.parametrize(
    ("amount", "book", "fill"),
    [(1, ("96.8", "97"), "venue stop: 1 at 96.8"), (-1, ("103", "103.2"), "venue stop: 1 at 103.2")],
    ids=["long", "short"],
)
def test_the_venue_fires_it_and_nothing_of_ours_is_in_its_way(amount: int, book: tuple[str, str], fill: str) -> None:
    """The target goes, the venue's own order closes the position, and no second one is sent."""
    scenario = holding(amount)
    scenario.book(*book)
    scenario.advance(5)

    assert (scenario.position(), scenario.fills(), scenario.exits()) == ("flat", [fill], [])
    assert scenario.sent("place stop loss", "place close") == []
    assert scenario.believed_orders() == []


def test_it_works_without_us() -> None:
    """The process is gone; the venue closes the position all the same, and the next run finds it flat."""
    scenario = holding()
    scenario.delay(requests=60)
    scenario.book(bid="96.8", ask="97")
    assert scenario.position() == "flat"

    scenario.heal()
    scenario.restart()
    scenario.advance(3)
    assert (scenario.believed_position(), scenario.exits()) == ("flat", [])


def test_what_has_not_worked_a_second_after_the_local_trigger_is_done_by_the_local_line_at_market() -> None:
    """No trade is told, so the bid counts here; the last trade that the venue watches is not there: one second."""
    scenario = holding(stop_loss_trigger="last")
    scenario.silence("trades")
    scenario.advance(6)
    scenario.mark("100")
    scenario.book(bid="96.8", ask="97")
    scenario.advance(3)

    assert scenario.sent("place stop loss") == [(8.0, "place stop loss: sell 1 at market")]
    assert (scenario.position(), scenario.exits()) == ("flat", [])


def test_it_follows_the_entry() -> None:
    """Averaged in at 98, its trigger is 3 % below 99."""
    scenario = holding()
    scenario.by_hand("buy", 1, at=98)
    scenario.advance(0.1)

    assert scenario.exits() == ["venue stop: sell 2 at 96.03", "take profit: sell 2 at 99.99"]


def test_F47_it_is_removed_when_the_position_is_flat() -> None:
    """The target was filled: no stop is left that could open a position."""
    scenario = holding()
    scenario.fill("take profit")
    scenario.advance(0.1)

    assert scenario.exits() == []


def test_F44_refused_because_it_would_fire_at_once_the_local_line_closes_at_market() -> None:
    """The market is beyond the trigger already when it arrives."""
    scenario = Scenario(KEYS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.refuse("place venue stop", "would_trigger")
    scenario.advance(1)

    assert scenario.position() == "flat"


def test_F44_refused_again_and_again_the_local_line_still_protects() -> None:
    """It is sent again without end; meanwhile the local trigger acts."""
    scenario = Scenario(KEYS)
    scenario.refuse("place venue stop", "busy", times=None)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(10)
    assert len(scenario.sent("place venue stop")) > 5

    scenario.book(bid="96", ask="96.2")
    scenario.advance(1.5)
    assert scenario.position() == "flat"


def test_F44_its_answer_is_lost_and_it_is_adopted() -> None:
    """Nobody answers: the stream shows it, and no second one is sent."""
    scenario = Scenario(KEYS)
    scenario.lose("place venue stop", "after")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(10)

    assert [line for line in scenario.exits() if line.startswith("venue")] == ["venue stop: sell 1 at 96.51"]
    assert len(scenario.sent("place venue stop")) == 1


def test_hedge_each_side_has_its_own() -> None:
    """Two positions, two stops, and the one that fires leaves the other alone."""
    scenario = Scenario({**KEYS, "position_mode": "Hedge", "long_profit_taking_spread": 5})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.fill("sell 0")
    scenario.advance(0.5)
    stops = [line for line in scenario.exits() if line.startswith("venue")]
    assert stops == ["venue stop short: buy 1 at 103.52", "venue stop long: sell 1 at 96.51"]

    scenario.book(bid="103.5", ask="103.7")
    scenario.advance(2)
    assert (scenario.position("long"), scenario.position("short")) == ("long 1 at 99.5", "flat")
    assert "venue stop long: sell 1 at 96.51" in scenario.exits()


@pytest.mark.parametrize(
    ("amount", "book", "quotes"),
    [
        (1, ("99.8", "100"), ["buy 1 at 99.4", "sell 1 at 100.4"]),
        (-1, ("100", "100.2"), ["buy 1 at 99.59", "sell 1 at 100.61"]),
    ],
    ids=["long", "short"],
)
def test_continue_quotes_go_on_past_its_trigger(amount: int, book: tuple[str, str], quotes: list[str]) -> None:
    """It waits on the far side of the market, and its trigger is no price that a quote could meet."""
    limit = {"exposure_limit": {"max_position": 100}}
    scenario = holding(amount, when_in_position="continue", risk=limit, order_refresh_time=5)
    scenario.book(*book)
    scenario.advance(10)

    assert (scenario.quotes(), scenario.withheld()) == (quotes, {})


def test_a_person_ends_the_bot_and_the_stop_is_left() -> None:
    """It protects what the process no longer watches."""
    scenario = holding()
    scenario.stop()
    scenario.advance(5)

    assert "venue stop: sell 1 at 97" in scenario.exits()


def test_a_stop_that_the_venue_refuses_again_and_again_is_told_of_once_a_minute() -> None:
    """It is tried every other second, and a person has read it the first time."""
    scenario = Scenario(KEYS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.refuse("place venue stop", "busy", times=100)
    scenario.fill("buy 0")
    scenario.advance(30)
    assert len(scenario.sent("place venue stop")) > 10
    assert len([line for line in scenario.notices if "does not keep it" in line]) == 1

    scenario.advance(60)
    assert len([line for line in scenario.notices if "does not keep it" in line]) == 2
