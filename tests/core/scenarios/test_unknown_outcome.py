"""Strategy, unknown outcomes, and the fault matrix's rows F04 to F08: nothing is concluded before it is proven.

In a scenario an answer is given up after 2 s, the venue takes nothing that is older than 2 s, and after 3 s (the
fence) a venue that does not know an order never will.
"""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

PLACED_AT = 0.01
GIVEN_UP_AT = PLACED_AT + 2
FENCE_AT = PLACED_AT + 3


def quoting(**keys: object) -> Scenario:
    """A bot on a market around 100, its quotes placed."""
    scenario = Scenario(keys)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def test_F04_lost_before_the_venue_blocks_the_slot_until_the_fence_and_then_one_new_order_goes() -> None:
    """Asked from the moment it is unknown, concluded only by an answer from after the fence."""
    scenario = Scenario()
    scenario.lose("place buy 0", "before")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(2.5)
    assert scenario.believed_orders() == ["buy 0: unknown", "sell 0: open"]
    assert scenario.sent("ask")[0].at == pytest.approx(GIVEN_UP_AT)

    scenario.advance(10)
    again = scenario.sent("place buy", since=1)
    assert [what for _, what in again] == ["place buy 0: 1 at 99.9"]
    assert FENCE_AT <= again[0].at <= FENCE_AT + 0.5


def test_F04_meanwhile_nothing_that_adds_exposure_is_placed() -> None:
    """The other side's quote is due for a refresh: it waits for the proof."""
    scenario = quoting(order_refresh_time=5, order_refresh_tolerance_pct=-1)
    scenario.lose("place buy 0", "before")
    scenario.advance(6.1)
    assert scenario.believed_orders() == ["buy 0: unknown", "sell 0: open"]

    scenario.expire("sell 0")
    scenario.advance(0.5)
    assert scenario.sent("place", since=6) == []

    scenario.advance(5)
    assert len(scenario.quotes()) == 2


def test_F05_answer_lost_order_is_adopted_not_resent() -> None:
    """The stream shows it: the answer that never came is not missed."""
    scenario = Scenario()
    scenario.lose("place buy 0", "after")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(10)

    assert scenario.believed_orders() == ["buy 0: open", "sell 0: open"]
    assert len(scenario.sent("place")) == 2


def test_F05_answer_and_stream_lost_the_question_finds_it() -> None:
    """Adopted by client id from the venue's answer to the question, without waiting for the fence."""
    scenario = Scenario()
    scenario.lose("place buy 0", "after")
    scenario.delay("place sell", answers=0.005, stream=5)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(2.5)

    assert scenario.believed_orders() == ["buy 0: open", "sell 0: open"]
    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]
    assert len(scenario.sent("place")) == 2


def test_F06_delivered_late_inside_the_window_is_adopted() -> None:
    """The venue takes it after the bot has begun to wait; never are two live."""
    scenario = Scenario()
    scenario.delay("place buy", requests=1.9, answers=3)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(10)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]
    assert len(scenario.sent("place buy")) == 1


def test_F06_delivered_after_the_window_the_venue_refuses_it_and_one_new_order_goes() -> None:
    """What is found nowhere after the fence never was."""
    scenario = Scenario()
    scenario.delay("place buy", requests=2.8)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(2.5)
    scenario.heal()
    scenario.advance(10)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]
    assert len(scenario.sent("place buy")) == 2


def test_F07_answer_lost_and_filled_at_once_position_is_right_and_nothing_is_sent_twice() -> None:
    """The fill is heard of on the stream: position and target come of it."""
    scenario = Scenario({"long_profit_taking_spread": 1})
    scenario.lose("place buy 0", "after")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.1)
    scenario.fill("buy 0")
    scenario.advance(5)

    assert scenario.believed_position() == scenario.position() == "long 1 at 99.9"
    assert scenario.exits() == ["take profit: sell 1 at 100.9"]
    assert len(scenario.sent("place buy")) == 1


def test_F07_with_the_stream_silent_the_fill_is_found_by_reading() -> None:
    """Neither answer nor stream: the question finds the order filled, and the account is read for the fill."""
    scenario = quoting(order_refresh_time=5, order_refresh_tolerance_pct=-1, long_profit_taking_spread=1)
    scenario.advance(3.5)
    scenario.lose("place buy 0", "after")
    scenario.silence("account")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(8)

    assert scenario.believed_position() == scenario.position() == "long 1 at 99.9"
    assert scenario.exits() == ["take profit: sell 1 at 100.9"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_F08_cancel_without_answer_keeps_the_slot_until_it_is_proven(when: str) -> None:
    """It may still be live: nothing is placed into its slot before the venue has said that it is gone."""
    scenario = quoting(order_refresh_time=5)
    scenario.silence("account")
    scenario.lose("cancel buy 0", when)  # type: ignore[arg-type]  # parametrised literals
    scenario.book(bid="99.8", ask="100")

    for _ in range(200):
        scenario.advance(0.1)
        assert len([quote for quote in scenario.quotes() if quote.startswith("buy")]) <= 1

    assert scenario.quotes() == ["buy 1 at 99.8", "sell 1 at 100"]


def test_F08_an_order_that_may_be_live_still_fills_into_the_position() -> None:
    """Its cancel was lost, then it filled: the position is managed like any other."""
    scenario = quoting(order_refresh_time=5, order_refresh_tolerance_pct=-1, long_profit_taking_spread=1)
    scenario.lose("cancel buy 0", "before")
    scenario.advance(4.5)
    scenario.fill("buy 0")
    scenario.advance(3)

    assert scenario.believed_position() == "long 1 at 99.9"
    assert scenario.exits() == ["take profit: sell 1 at 100.9"]


def test_a_close_of_unknown_outcome_is_sent_again_without_waiting() -> None:
    """The venue caps it at the position: a new id goes out as soon as the first is unknown."""
    scenario = quoting(long_profit_taking_spread=1, stop_loss_spread=3, venue_backstop=False, stop_loss_order="market")
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.lose("place stop loss", "before")
    scenario.book(bid="96", ask="96.2")
    scenario.advance(3)

    stops = scenario.sent("place stop loss")
    assert len(stops) == 2
    assert stops[1].at - stops[0].at == pytest.approx(2, abs=0.1)
    assert scenario.position() == "flat"


def test_a_close_whose_answer_was_lost_does_not_open_the_other_side() -> None:
    """It did execute: the second one finds nothing to close, and the venue refuses it."""
    scenario = quoting(long_profit_taking_spread=1, stop_loss_spread=3, venue_backstop=False, stop_loss_order="market")
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.lose("place stop loss", "after")
    scenario.silence("account")
    scenario.book(bid="96", ask="96.2")
    scenario.advance(10)

    assert scenario.position() == scenario.believed_position() == "flat"


def test_a_stop_refused_for_a_target_whose_cancel_was_lost_has_it_asked_for_and_cancelled_again_at_once() -> None:
    """The refusal says that the target is still there: nobody waits for the end of the patience with its cancel."""
    scenario = Scenario({"long_profit_taking_spread": 1, "stop_loss_spread": 3, "venue_backstop": False})
    scenario.by_hand("buy", 1, at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.lose("cancel take profit", "before")
    scenario.book(bid="96", ask="97")
    scenario.advance(1.1)

    assert [what for _, what in scenario.sent("place", "cancel", "ask", since=1)] == [
        "cancel take profit",
        "place stop loss: sell 1 at 95.52",
        "ask take profit",
        "cancel take profit",
        "place stop loss: sell 1 at 95.52",
    ]
    assert scenario.position() == "flat"
