"""A stop of somebody else that closes the whole position takes the place of the backstop (Binance -4130)."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker.model.order import PositionSide, Side
from perpmaker.model.refusal import RefusalReason
from perpmaker.simulation.order import TriggerPrice
from perpmaker.testing.scenario import Scenario
from perpmaker_binance_perpetual.refusals import read_failure

from .stories import cancel_persons_stop, stop_by_hand

KEYS = {"long_profit_taking_spread": 5, "short_profit_taking_spread": 5, "stop_loss_spread": 4, "bid_spread": 2}
SIDES = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
BACKSTOP = {1: "sell 1 at 95", -1: "buy 1 at 105"}


def price(sign: int, distance: float) -> str:
    """The price so far from 100 against the position."""
    return f"{100 - sign * distance:.2f}"


def held_beside(sign: int, at: str, **words: Any) -> Scenario:
    """A bot that finds a position of 1 at 100 and a person's stop for all of it, at 10 s."""
    scenario = Scenario({**KEYS, "ask_spread": 2, "order_refresh_time": 600})
    scenario.book(bid="99.9", ask="100.1")
    stop_by_hand(scenario, Side.SELL if sign > 0 else Side.BUY, at=at, **words)
    scenario.by_hand("buy" if sign > 0 else "sell", 1, at=100)
    scenario.advance(10)

    return scenario


def ours(scenario: Scenario) -> list[str]:
    """The stops of ours that the venue has, with whether each closes whatever the position is."""
    stops = [one for one in scenario._venue.stops.waiting() if one.client_id.startswith("pm-")]
    return [
        f"{one.side.value} {'all' if one.close_position else scenario.instrument.amount(one.lots or 0).normalize():} "
        f"at {scenario.instrument.price(one.trigger_ticks).normalize():f}"
        for one in stops
    ]


def test_backstop_the_code_of_the_venue_is_known() -> None:
    """-4130 is a reason of its own."""
    body = b'{"code":-4130,"msg":"An open stop or take profit order with GTE and closePosition is existing."}'
    failure = read_failure(400, body)
    assert failure is not None
    assert failure.reason is RefusalReason.STOP_EXISTS


@SIDES
def test_backstop_beside_a_persons_stop_farther_out_is_of_the_positions_size(sign: int) -> None:
    """One refusal, then a sized stop where ours belongs; told with both prices; nothing is sent again."""
    scenario = held_beside(sign, price(sign, 9))
    assert ours(scenario) == [BACKSTOP[sign]]
    assert len(scenario.sent("place venue stop")) == 2
    told = [line for line in scenario.notices if "not perpmaker's" in line]
    assert len(told) == 1
    assert f"at {price(sign, 9)} by the mark price" in told[0]
    assert "a stop of the position's size" in told[0]

    scenario.advance(600)
    assert len(scenario.sent("place venue stop")) == 2
    assert not any("without its stop" in line for line in scenario.notices)


@SIDES
def test_backstop_of_the_positions_size_grows_with_it(sign: int) -> None:
    """It closes no more than it says, so it is replaced by a larger one, which rests before the old one goes."""
    scenario = held_beside(sign, price(sign, 9))
    scenario.by_hand("buy" if sign > 0 else "sell", 2, at=100)
    scenario.advance(0.1)
    assert ours(scenario) == [BACKSTOP[sign].replace(" 1 ", " 3 ")]


@SIDES
def test_backstop_is_not_placed_beside_a_persons_stop_that_fires_earlier(sign: int) -> None:
    """It protects: told once, nothing is sent, until the person takes it off; then ours rests at once."""
    scenario = held_beside(sign, price(sign, 3))
    scenario.advance(600)
    assert ours(scenario) == []
    assert len(scenario.sent("place venue stop")) == 1
    assert len([line for line in scenario.notices if "no later than ours would" in line]) == 1
    assert not any("without its stop" in line for line in scenario.notices)

    cancel_persons_stop(scenario)
    assert ours(scenario) == [BACKSTOP[sign].replace(" 1 ", " all ")]


@SIDES
@pytest.mark.parametrize(
    ("distance", "words"),
    [(-3, {"target": True}), (3, {"watch": TriggerPrice.LAST})],
    ids=["a target", "another price"],
)
def test_backstop_is_placed_beside_what_is_no_protection(sign: int, distance: float, words: dict[str, Any]) -> None:
    """A target that closes everything is no stop, and a stop by the last trade is not one by the mark price."""
    scenario = held_beside(sign, price(sign, distance), **words)
    scenario.refuse("place venue stop", "stop_exists", times=1, code="-4130")
    scenario.by_hand("buy" if sign > 0 else "sell", 1, at=99)
    scenario.advance(5)
    assert [line.split(" at ")[0] for line in ours(scenario)] == ["sell 2" if sign > 0 else "buy 2"]


def test_backstop_that_the_venue_refuses_for_a_stop_it_does_not_show() -> None:
    """A sized one rests meanwhile; the whole one is tried again after a minute, and not before."""
    scenario = Scenario({**KEYS, "ask_spread": 2, "order_refresh_time": 600})
    scenario.book(bid="99.9", ask="100.1")
    scenario.refuse("place venue stop", "stop_exists", times=1, code="-4130")
    scenario.by_hand("buy", 1, at=100)
    scenario.advance(50)
    assert ours(scenario) == ["sell 1 at 95"]
    assert len(scenario.sent("place venue stop")) == 2

    scenario.advance(30)
    assert ours(scenario) == ["sell all at 95"]


def test_backstop_of_a_hedge_side_beside_a_persons_stop() -> None:
    """The other side keeps the stop that closes whatever there is."""
    scenario = Scenario({**KEYS, "ask_spread": 2, "position_mode": "Hedge", "order_refresh_time": 600})
    scenario.book(bid="99.9", ask="100.1")
    scenario.by_hand("buy", "0.5", at=100, position="long")
    scenario.expire("venue stop long") if "venue stop long: sell 0.5 at 95" in scenario.exits() else None
    stop_by_hand(scenario, Side.SELL, at="90", position=PositionSide.LONG)
    scenario.by_hand("buy", 1, at=100, position="long")
    scenario.by_hand("sell", 1, at=100, position="short")
    scenario.advance(10)
    assert sorted(ours(scenario)) == ["buy all at 105", "sell 1.5 at 95"]


@SIDES
def test_backstop_at_an_end_beside_a_persons_stop(sign: int) -> None:
    """The sized one is moved to the stop's level, without a moment without one."""
    scenario = held_beside(sign, price(sign, 9))
    scenario.stop()

    for _ in range(20):
        scenario.advance(0.005)
        assert ours(scenario)

    assert ours(scenario) == [BACKSTOP[sign].replace("95", "96").replace("105", "104")]


@SIDES
def test_backstop_beside_a_persons_stop_still_lets_the_local_stop_close(sign: int) -> None:
    """The market falls through the level: the local line closes, and everything of ours goes."""
    scenario = held_beside(sign, price(sign, 9))
    scenario.mark(price(sign, 4))
    scenario.book(bid="95.5" if sign > 0 else "104.5", ask="95.7" if sign > 0 else "104.7")
    scenario.advance(2)
    assert (scenario.position(), ours(scenario)) == ("flat", [])
