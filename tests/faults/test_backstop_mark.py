"""The mark price at the backstop: the local stop has fired by then at the latest. And E: stops by the mark price."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

KEYS = {"long_profit_taking_spread": 5, "short_profit_taking_spread": 5, "stop_loss_spread": 3, "bid_spread": 2}
SIDES = pytest.mark.parametrize("amount", [1, -1], ids=["long", "short"])


def holding(amount: int, **keys: object) -> Scenario:
    """A bot with a position at 100, its target and its stop on the venue, at 1 s; the mark stays at 100."""
    scenario = Scenario({**KEYS, "ask_spread": 2, **keys})
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.mark("100")
    scenario.advance(1)

    return scenario


def hedged(**keys: object) -> Scenario:
    """A bot with a long and a short position at 100."""
    scenario = Scenario({**KEYS, "ask_spread": 2, "position_mode": "Hedge", **keys})
    scenario.by_hand("buy", 1, at=100, position="long")
    scenario.by_hand("sell", 1, at=100, position="short")
    scenario.book(bid="99.9", ask="100.1")
    scenario.mark("100")
    scenario.advance(1)

    return scenario


def away(amount: int, distance: str) -> str:
    """The price so far from 100 against the position."""
    return f"{100 - amount * float(distance):.2f}"


@SIDES
@pytest.mark.parametrize("keys", [{}, {"stop_loss_trigger": "last"}, {"stop_loss_order": "market"}], ids=str)
def test_backstop_reached_by_the_mark_fires_the_local_stop(amount: int, keys: dict[str, object]) -> None:
    """The book stands still and the venue's stop does nothing: the target goes, the local stop is sent."""
    scenario = holding(amount, **keys)
    scenario.expire("venue stop")
    scenario.refuse("place venue stop", "busy", times=None)
    scenario.advance(0.5)
    scenario.mark(away(amount, "3.75"))
    scenario.advance(0.2)
    assert scenario.sent("cancel take profit", "place stop loss")[0].what == "cancel take profit"
    assert scenario.position() == "flat"


@SIDES
def test_backstop_not_reached_by_the_mark_leaves_the_local_stop_waiting(amount: int) -> None:
    """A tick before the backstop nothing has fired: the stop goes by the book."""
    scenario = holding(amount)
    scenario.mark(away(amount, "3.74"))
    scenario.advance(5)
    assert scenario.sent("place stop loss") == []
    assert scenario.position() != "flat"


@SIDES
def test_backstop_that_the_venue_fires_is_left_to_the_venue(amount: int) -> None:
    """The venue's stop works at once: no second order closes what it has closed."""
    scenario = holding(amount)
    scenario.mark(away(amount, "3.75"))
    scenario.advance(5)
    assert (scenario.position(), scenario.sent("place stop loss")) == ("flat", [])


@SIDES
def test_backstop_reached_while_the_account_stream_is_silent_fires_the_local_stop(amount: int) -> None:
    """Nobody tells that the venue has fired its own: the quotes go by the mark price."""
    scenario = holding(amount, when_in_position="continue", risk={"exposure_limit": {"max_position": 5}})
    scenario.silence("account")
    scenario.mark(away(amount, "3.75"))
    scenario.advance(0.1)
    assert scenario.quotes() == []


@pytest.mark.parametrize(("side", "other", "amount"), [("long", "short", 1), ("short", "long", -1)])
def test_backstop_of_a_hedge_side_fires_that_side_alone(side: str, other: str, amount: int) -> None:
    """The other side keeps its target and its stop."""
    scenario = hedged()
    scenario.expire(f"venue stop {side}")
    scenario.refuse("place venue stop", "busy", times=None)
    scenario.advance(0.5)
    scenario.mark(away(amount, "3.75"))
    scenario.advance(0.2)
    assert scenario.position(side) == "flat"  # type: ignore[arg-type]  # sides
    assert scenario.position(other) != "flat"  # type: ignore[arg-type]  # sides
    assert any(line.startswith(f"take profit {other}") for line in scenario.exits())


@SIDES
@pytest.mark.parametrize("backstop", [True, False])
def test_E_a_stop_by_the_mark_fires_at_its_level_and_not_before(amount: int, *, backstop: bool) -> None:
    """The mark fires it, on the side of the loss alone; the book does not, however far it has gone."""
    scenario = holding(amount, stop_loss_trigger="mark", venue_backstop=backstop)
    scenario.mark(away(-amount, "4"))
    scenario.advance(2)
    scenario.mark(away(amount, "2.99"))
    scenario.advance(2)
    assert scenario.sent("place stop loss") == []

    scenario.mark(away(amount, "3"))
    scenario.advance(0.2)
    assert len(scenario.sent("place stop loss")) == 1
    assert scenario.position() == "flat"


@SIDES
def test_E_a_stop_by_the_mark_does_not_fire_by_the_book(amount: int) -> None:
    """The book jumps through the level and the mark does not."""
    scenario = holding(amount, stop_loss_trigger="mark", venue_backstop=False)
    bid = 95.0 if amount > 0 else 105.0
    scenario.book(bid=bid, ask=bid + 0.2)
    scenario.advance(2)
    assert scenario.sent("place stop loss") == []


@pytest.mark.parametrize(("side", "other", "amount"), [("long", "short", 1), ("short", "long", -1)])
def test_E_a_stop_by_the_mark_of_a_hedge_side(side: str, other: str, amount: int) -> None:
    """The mark at the level of one side closes that side, and is a profit of the other."""
    scenario = hedged(stop_loss_trigger="mark")
    scenario.mark(away(amount, "2.99"))
    scenario.advance(1)
    assert scenario.sent("place stop loss") == []

    scenario.mark(away(amount, "3"))
    scenario.advance(0.2)
    assert scenario.position(side) == "flat"  # type: ignore[arg-type]  # sides
    assert scenario.position(other) != "flat"  # type: ignore[arg-type]  # sides
    assert len(scenario.sent("place stop loss")) == 1


@SIDES
@pytest.mark.parametrize("order", ["limit", "venue"])
def test_E_a_stop_by_an_old_mark_goes_by_the_book(amount: int, order: str) -> None:
    """A mark price that nobody tells any more is no reason to wait: the best price to leave at fires it."""
    scenario = holding(amount, stop_loss_trigger="mark", stop_loss_order=order, venue_backstop=False)
    scenario.silence("mark")
    scenario.advance(6)
    bid = 96.5 if amount > 0 else 103.5
    scenario.book(bid=bid, ask=bid + 0.25)
    scenario.advance(2)
    assert scenario.position() == "flat"
