"""A9: an exit whose answer was lost is told once, and not with every event while its successor rests."""

from __future__ import annotations

import pytest

from perpmaker.execution.action import Place
from perpmaker.model.command_event import Command, OrderUnknown
from perpmaker.model.event import OrderFilled
from perpmaker.model.order import OrderKind
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import FENCE_S, Scene, of


def lines(scene: Scene, kind: str) -> list[str]:
    """All lines so far about an exit that is missing."""
    return [line for one in scene.decisions for line in one.notices if f"without its {kind}" in line]


def sent(scene: Scene, kind: OrderKind) -> str:
    """The number of the exit that was sent last."""
    orders = [one.order for decision in scene.decisions for one in of(decision.actions, Place)]

    return [order.client_id for order in orders if order.slot.kind is kind][-1].rsplit("-", 1)[-1]


def lost(scene: Scene, seq: str) -> OrderUnknown:
    """No answer, and none for a long while."""
    return OrderUnknown(
        client_id=f"pm-bot-r1-{seq}", command=Command.PLACE, detail="503", fence_at=scene.now + 10 * FENCE_S
    )


def test_A9_an_unanswered_target_is_told_once_while_its_successor_rests() -> None:
    """The market moves forty times; the second target is there, and of the first one nothing is known yet."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    first = sent(scene, OrderKind.TAKE_PROFIT)
    scene.tell(lost(scene, first))
    scene.wait(0.5)
    second = sent(scene, OrderKind.TAKE_PROFIT)
    assert second != first
    scene.tell(scene.accepted(second))

    for _ in range(40):
        scene.tell(scene.book(), after=0.1)

    assert len(lines(scene, "target")) == 1


def test_A9_a_successor_that_is_replaced_does_not_tell_of_the_first_one_again() -> None:
    """The position grows, so that the second target goes and a third is sent: that one has its answer coming."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 3, 3))
    scene.tell(lost(scene, sent(scene, OrderKind.TAKE_PROFIT)))
    scene.wait(0.5)
    second = sent(scene, OrderKind.TAKE_PROFIT)
    scene.tell(scene.accepted(second))
    scene.tell(OrderFilled(fill=scene.fill("1", 2, 5).fill))
    scene.tell(scene.cancelled(second), after=0.1)

    for _ in range(5):
        scene.tell(scene.book(), after=0.05)

    assert len(lines(scene, "target")) == 1


def test_A9_each_exit_without_an_answer_still_counts() -> None:
    """Two of them in a row: told once at once, and after 2 s how often it failed."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    first = sent(scene, OrderKind.TAKE_PROFIT)
    scene.tell(lost(scene, first))
    scene.wait(0.5)
    second = sent(scene, OrderKind.TAKE_PROFIT)
    assert second != first
    scene.tell(lost(scene, second))

    while len(lines(scene, "target")) < 2:
        scene.tell(scene.book(), after=0.1)
        third = sent(scene, OrderKind.TAKE_PROFIT)

        if third not in {first, second}:
            scene.tell(lost(scene, third))

    assert "no answer" in lines(scene, "target")[0]
    assert " times, the last time with no answer" in lines(scene, "target")[1]


@pytest.mark.parametrize("exit_", ["take profit", "stop loss"])
def test_A9_one_lost_answer_is_one_line_when_it_is_played(exit_: str) -> None:
    """The venue took the order, and never says so; the market goes on for three seconds."""
    scenario = Scenario({"stop_loss_spread": 3, "long_profit_taking_spread": 1})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.silence("account")
    scenario.lose(f"place {exit_}", "before")
    scenario.fill("buy 0")
    scenario.restore("account")

    for step in range(30):
        scenario.book(bid=f"99.{80 - step}", ask="100.1")
        scenario.advance(0.1)

    assert len([line for line in scenario.notices if "without its" in line]) <= 2
