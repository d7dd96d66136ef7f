"""A13: an answer that says filled is the fact: exits go out in the step that hears it, whatever the stream says."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from perpmaker.execution.action import Cancel, Place
from perpmaker.model.command_event import CancelRefused
from perpmaker.model.event import Channel, OrderReported, PositionReported, StreamLost
from perpmaker.model.order import OrderKind, OrderStatus, PositionSide, Side
from perpmaker.model.position import Position
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import REFUSED_NOT_FOUND, Scene, of, placed

SETTINGS = {"long_profit_taking_spread": 2, "short_profit_taking_spread": 2, "stop_loss_spread": 5}


@pytest.mark.parametrize(("quote", "target"), [("buy 0", "sell 1 at 101.9"), ("sell 0", "buy 1 at 98.09")])
def test_A13_a_cancels_answer_that_says_filled_brings_the_exit_at_once(quote: str, target: str) -> None:
    """The private stream is gone, its quotes are taken off, one of them was filled before: its target is sent."""
    s = Scenario(SETTINGS)
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.disconnect("account")
    s.fill(quote)
    s.advance(0.05)

    assert f"take profit: {target}" in s.exits()


def test_A13_it_holds_for_each_leg_in_hedge_mode() -> None:
    """Both quotes were filled while nobody was told: two positions, two targets."""
    s = Scenario({**SETTINGS, "position_mode": "Hedge"})
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.disconnect("account")
    s.fill("buy 0")
    s.fill("sell 0")
    s.advance(0.05)

    assert len([line for line in s.exits() if line.startswith("take profit")]) == 2


def test_A13_a_stop_fires_for_what_only_an_answer_told_of() -> None:
    """The market falls through the stop before the fills have been read: it is closed all the same."""
    s = Scenario(SETTINGS)
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.disconnect("account")
    s.fill("buy 0")
    s.advance(0.05)
    s.book(bid="94", ask="94.2")
    s.advance(1.5)

    assert s.position() == "flat"


def test_A13_an_answer_to_a_question_counts_as_much_as_one_to_a_cancel() -> None:
    """The cancel found nothing to cancel, the venue is asked, and says: filled in part, and gone."""
    scene = Scene().quoting()
    scene.tell(StreamLost(channel=Channel.ACCOUNT, reason="reset"))
    scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND))
    told = scene.tell(scene.report("1", OrderStatus.CANCELLED, 2), after=0.1)

    assert placed(told.actions) == ["target sell"]
    assert [action.order.lots for action in of(told.actions, Place)] == [2]


def test_A13_the_fill_that_comes_later_is_not_a_second_position() -> None:
    """Told by the answer and then by the stream: one execution, one target, which stays."""
    scene = Scene().quoting()
    scene.tell(scene.report("1", OrderStatus.FILLED, 5))
    told = scene.tell(scene.accepted("3"), scene.fill("1", 5, 5), after=0.2)

    assert scene.amount == Decimal("0.005")
    assert [action.kind for action in of(told.actions, Cancel) if action.kind.is_exit] == []
    assert "target sell" not in placed(told.actions)


@pytest.mark.parametrize("is_first", [True, False])
def test_A13_a_report_of_the_position_that_holds_it_already_is_not_added_to(*, is_first: bool) -> None:
    """The venue's word on the position comes before or after the answer: five lots, never ten."""
    scene = Scene().quoting()
    answer = scene.report("1", OrderStatus.FILLED, 5)
    net = Position(side=PositionSide.NET, amount=Decimal("0.005"), entry=Decimal(99), venue_ms=scene.ms)
    events = [PositionReported(position=net), answer]
    actions = [action for event in (events if is_first else events[::-1]) for action in scene.tell(event).actions]
    actions += scene.wait(1.9)

    assert [action.order.lots for action in actions if hasattr(action, "order") and action.order.slot.kind.is_exit] == [
        5
    ]


def test_A13_a_target_that_was_filled_is_not_sent_again_while_its_fill_is_on_its_way() -> None:
    """The answer to its cancel says filled: there is nothing left to close."""
    scene = Scene()
    scene.start(amount="0.005")
    sold = attrs.evolve(scene.report("1", OrderStatus.FILLED, 5).report, side=Side.SELL)
    told = scene.tell(scene.accepted("1"), OrderReported(report=sold))

    assert "target sell" not in placed(told.actions)
    assert OrderKind.TAKE_PROFIT not in {order.slot.kind for order in scene.trader.working()}
