"""The contract of a connector about exits: a venue that does not cap them, that sizes stops, or that names none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.exits.last_stop import LastStop
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.testing.scenario import Scenario

HOLD: dict[str, Any] = {"long_profit_taking_spread": 1, "short_profit_taking_spread": 1}
CONTINUE = {**HOLD, "when_in_position": "continue", "risk": {"exposure_limit": {"max_position": 10}}}
STOPPED = {**HOLD, "stop_loss_spread": 3}
TARGET = "take profit: sell 1 at 100.9"


def uncapped(configuration: dict[str, Any], **kwargs: Any) -> Scenario:
    """Begin a bot in a calm market, on a venue that lets a target exceed its position."""
    scenario = Scenario(configuration, caps_resting_exits=False, **kwargs)
    scenario.book(bid="99.5", ask="100.5")
    scenario.advance(1)

    return scenario


def times(scenario: Scenario, what: str) -> list[float]:
    """When the bot sent what begins with this text."""
    return [one.at for one in scenario.sent(what)]


# --- a target that the venue does not cap


def test_target_waits_until_closing_quotes_are_gone() -> None:
    """No target is sent while the sell quote of the same position may still be filled."""
    scenario = uncapped(HOLD)
    scenario.delay("cancel sell", answers=0.5, stream=0.3)
    scenario.fill("buy 0")
    scenario.advance(0.4)
    waiting = (times(scenario, "place take profit"), scenario.why("take profit")[-1])
    scenario.advance(0.5)

    assert times(scenario, "cancel sell") == [1.3]
    assert waiting[0] == []
    assert "no quote closes the position" in waiting[1]
    assert times(scenario, "place take profit")[0] > 1.6
    assert scenario.exits() == [TARGET]


def test_continue_withholds_the_target_while_quotes_close() -> None:
    """With `continue` the quotes on both sides go on, and the target is withheld with its reason."""
    scenario = uncapped(CONTINUE)
    scenario.fill("buy 0", 0.4)
    scenario.advance(5)

    assert [one for one in scenario.exits() if one.startswith("take")] == []
    assert "sell 1 at 100.1" in scenario.quotes()
    assert "no quote closes the position" in scenario.why("take profit")[-1]


def test_continue_places_the_target_when_quotes_are_off_and_clears_it_before_they_return() -> None:
    """A target and a quote of its side are never live together, in whichever order they come and go."""
    scenario = uncapped(CONTINUE)
    scenario.fill("buy 0", 0.4)
    scenario.silence("book")
    scenario.mark("100")
    scenario.advance(12)
    pulled = (scenario.quotes(), scenario.exits())
    scenario.delay("cancel take profit", answers=0.4, stream=0.2)
    scenario.restore("book")
    back_at = scenario.now
    scenario.advance(5)
    cancelled, placed = scenario.sent("cancel take profit", "place sell", since=back_at)

    assert pulled == ([], ["take profit: sell 0.4 at 100.9"])
    assert cancelled.at + 0.2 <= placed.at
    assert [one for one in scenario.exits() if one.startswith("take")] == []


def test_unknown_outcome_blocks_the_target() -> None:
    """A lost answer to any order of the position holds the target back until the venue has told of it."""
    scenario = uncapped(HOLD)
    scenario.lose("cancel sell", "before")
    scenario.delay("ask", requests=1)
    scenario.fill("buy 0")
    scenario.advance(2.5)
    blocked = (scenario.believed_orders(), times(scenario, "place take profit"))
    scenario.heal()
    scenario.advance(5)

    assert blocked[1] == []
    assert scenario.exits() == [TARGET]


def test_lost_target_is_not_sent_twice() -> None:
    """A target whose own answer was lost may rest: a second one beside it could open a short position."""
    scenario = uncapped(HOLD)
    scenario.lose("place take profit", "before")
    scenario.fill("buy 0")
    scenario.advance(2.5)
    during = times(scenario, "place take profit")
    scenario.advance(3)

    assert len(during) == 1
    assert scenario.exits() == [TARGET]


def test_unknown_outcome_never_blocks_the_stop() -> None:
    """A stop goes out as IOC although the target's outcome is unknown."""
    scenario = uncapped({**STOPPED, "venue_backstop": False})
    scenario.lose("place take profit", "before")
    scenario.fill("buy 0")
    scenario.advance(2.2)
    scenario.book(bid="96", ask="96.2")
    scenario.advance(1.1)

    assert times(scenario, "place stop loss")[0] <= 4.3
    assert scenario.position() == "flat"


def test_target_goes_in_the_step_that_shrinks_the_position() -> None:
    """Somebody closes half of the position by hand: the target that is too large now goes at once."""
    scenario = uncapped(HOLD)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.by_hand("sell", 0.5, at="100")
    at = scenario.now
    scenario.advance(1)

    assert times(scenario, "cancel take profit") == [pytest.approx(at + 0.005)]
    assert scenario.exits() == ["take profit: sell 0.5 at 100.9"]


def test_target_under_way_goes_when_the_position_shrinks() -> None:
    """A target that is not acknowledged yet is taken back too: its answer need not be awaited."""
    scenario = uncapped(HOLD)
    scenario.delay("place take profit", answers=1.5)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.delay("", stream=1)
    scenario.by_hand("sell", 1, at="100")
    scenario.advance(1.2)

    assert times(scenario, "cancel take profit")[0] < 2.5


def test_target_is_taken_off_when_a_reading_shows_less() -> None:
    """A reading without our fill is not believed yet, but the venue would not cap the target by it either."""
    scenario = uncapped(HOLD)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.silence("account")
    scenario.by_hand("sell", 1, at="100")
    scenario.advance(29)

    assert times(scenario, "cancel take profit")
    assert scenario.exits() == []


def test_fired_stop_is_sent_as_ioc_and_goes_to_market_after_three() -> None:
    """No stop order rests: each is IOC, sent again for what is left, and the fourth goes at market."""
    scenario = uncapped({**STOPPED, "venue_backstop": False})
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.delay("place stop loss", requests=0.2)
    scenario.book(bids={96: 0.2, 90: 100}, asks={97: 100})
    scenario.advance(0.1)

    for best in (95, 94, 93, 92):
        scenario.book(bids={best: 0.1, best - 6: 100}, asks={best + 1: 100})
        scenario.advance(0.3)

    scenario.advance(3)
    stops = [one.what for one in scenario.sent("place stop loss")]

    assert scenario.sent("cancel stop loss") == []
    assert [one.endswith("at market") for one in stops] == [False, False, False, True]
    assert scenario.position() == "flat"


def test_no_target_is_left_at_an_end() -> None:
    """A stop of the bot takes the target off, where a venue that caps it keeps it."""
    capped, scenario = Scenario(HOLD), uncapped(HOLD)
    capped.book(bid="99.5", ask="100.5")
    capped.advance(1)

    for one in (capped, scenario):
        one.fill("buy 0")
        one.advance(1)
        one.stop()
        one.advance(1)

    assert (capped.exits(), scenario.exits()) == ([TARGET], [])
    assert scenario.why("take profit")[-1].endswith("no target is left at an end")


def test_own_target_without_a_position_is_cancelled_at_a_start() -> None:
    """The position went while nobody was here: the target that it left behind would open another one."""
    scenario = uncapped(HOLD)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.silence("account")
    scenario.by_hand("sell", 1, at="100")
    scenario.restart()
    scenario.restore("account")
    scenario.advance(1)

    assert [one for one in scenario.exits() if one.startswith("take")] == []
    assert scenario.position() == "flat"


# --- stops of an amount


def sized(**settings: Any) -> Scenario:
    """Begin a bot on a venue whose stops close an amount, and not whatever the position is."""
    scenario = Scenario({**STOPPED, "order_amount": 2, **settings}, sizes_stops=True)
    scenario.book(bid="99.5", ask="100.5")
    scenario.advance(1)

    return scenario


def stops(scenario: Scenario) -> list[str]:
    """The stops that rest on the venue."""
    return [one for one in scenario.exits() if one.startswith("venue stop")]


def test_sized_stop_follows_the_position() -> None:
    """Each fill makes the stop larger, a target that fills makes it smaller; it is never missing meanwhile."""
    scenario = sized(long_profit_taking_spread=1)
    found = []

    for act in (
        lambda: scenario.fill("buy 0", 0.5),
        lambda: scenario.fill("buy 0", 1.5),
        lambda: scenario.fill("take profit", 0.4),
    ):
        act()
        scenario.advance(0.5)
        found.append(stops(scenario))

    placed, cancelled = times(scenario, "place venue stop"), times(scenario, "cancel venue stop")

    assert [one[0].split(" at ")[0] for one in found] == [f"venue stop: sell {lots}" for lots in ("0.5", "2", "1.6")]
    assert [len(one) for one in found] == [1, 1, 1]
    assert len(placed) == 3
    assert all(before < after for before, after in zip(placed[1:], cancelled, strict=True))


def test_sized_stop_closes_its_amount_when_the_venue_fires_it() -> None:
    """The venue's own stop leaves nothing of a position that it was sized for, and nothing of it stays."""
    scenario = sized(stop_loss_order="venue")
    scenario.fill("buy 0", 1.5)
    scenario.advance(1)
    scenario.book(bid="96", ask="96.2")
    scenario.advance(3)

    assert scenario.position() == "flat"
    assert stops(scenario) == []


def test_sized_stop_is_made_for_the_position_at_an_end_without_the_trader() -> None:
    """The stop of a rescue is for an amount as well: the venue knows no other."""
    scenario = sized()
    last = LastStop(scenario.plan.exits, scenario.instrument, sizes_stops=True)
    order = last.order(Position(side=PositionSide.NET, amount=Decimal("1.5"), entry=Decimal(100)), "pm-1", None)

    assert order is not None
    assert (order.whole, order.lots) == (False, 1500)
