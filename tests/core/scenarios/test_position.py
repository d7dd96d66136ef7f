"""Strategy, rules 11 and 12, and quoting while a position is open."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario


def quoting(**keys: object) -> Scenario:
    """A bot of two levels on a market around 100, its quotes placed."""
    plain = {"bid_spread": 1, "ask_spread": 1, "order_levels": 2, "long_profit_taking_spread": 2}
    scenario = Scenario({**plain, "short_profit_taking_spread": 2, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


# --- 11. a fill is a position at once


def test_rule_11_a_fill_is_a_position_in_the_same_step() -> None:
    """The target goes out and the closing side's quotes go as soon as the fill is heard of."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(0.1)

    assert scenario.sent(since=1) == [
        (1.005, "place take profit: sell 1 at 100.98"),
        (1.005, "cancel sell 0"),
        (1.005, "cancel sell 1"),
    ]


def test_rule_11_the_position_report_that_follows_confirms_it() -> None:
    """Fill and report of one event are one change."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(40)

    assert scenario.believed_position() == scenario.position() == "long 1 at 99"
    assert scenario.notices == []


def test_rule_11_two_fills_average_the_entry_and_resize_the_target() -> None:
    """What rests on the side that adds averages in; the target follows size and entry."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.fill("buy 1")
    scenario.advance(0.1)

    assert scenario.position() == "long 2 at 98.5"
    assert scenario.exits() == ["take profit: sell 2 at 100.47"]


# --- 12. the venue's position rules


def test_F52_rule_12_a_position_that_grew_by_other_hands_is_adopted_and_its_exit_resized() -> None:
    """The report is newer than the last fill: it counts, at once."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.by_hand("buy", 2, at="99.9", quiet=True)
    scenario.advance(0.1)

    assert scenario.believed_position() == "long 3 at 99.6"
    assert scenario.exits() == ["take profit: sell 3 at 101.6"]


def test_F52_rule_12_at_zero_all_exits_are_cancelled_at_once() -> None:
    """A person closed the position: nothing of ours may open a new one."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.by_hand("sell", 1, at="99.9", quiet=True)
    scenario.advance(0.1)

    assert scenario.exits() == []
    assert scenario.believed_position() == "flat"


def test_F52_rule_12_the_change_is_told_as_external() -> None:
    """It is asked about at once, and the reading tells what it was."""
    scenario = quoting()
    scenario.by_hand("buy", 1, at="100", quiet=True)
    scenario.advance(10)

    assert scenario.notices == [
        (
            "the venue shows a larger net position than our fills make: it is read once more before its stop may fire; "
            "nothing needs to be done"
        ),
        "traded by hand: buy 1 at 100 (order hand-1); the net position is 1 now",
    ]


def test_F52_rule_12_a_trade_by_hand_whose_fill_is_told_is_said_once() -> None:
    """What it was, and what it comes to; that it is read again changes nothing."""
    scenario = quoting()
    scenario.by_hand("buy", 1, at="100")
    scenario.advance(70)

    assert scenario.notices == ["traded by hand: buy 1 at 100 (order hand-1); the net position is 1 now"]
    assert scenario.exits() == ["take profit: sell 1 at 102"]


def test_F52_rule_12_what_was_traded_by_hand_before_the_start_is_no_news() -> None:
    """The position is there from the first read on."""
    scenario = Scenario()
    scenario.book(bid="99.9", ask="100.1")
    scenario.by_hand("buy", 1, at="100")
    scenario.restart()
    scenario.advance(70)

    assert scenario.notices == []


def test_F52_rule_12_a_flip_by_other_hands_has_its_exits_on_the_other_side() -> None:
    """From long to short in one trade: the target of the long goes, that of the short is placed."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.by_hand("sell", 3, at="99.9", quiet=True)
    scenario.advance(0.2)

    assert scenario.position() == scenario.believed_position() == "short 2 at 99.9"
    assert scenario.exits() == ["take profit: buy 2 at 97.9"]


def test_rule_12_a_position_at_the_start_is_adopted() -> None:
    """It has its target before anything is quoted, and hold keeps new quotes away."""
    scenario = Scenario({"long_profit_taking_spread": 1})
    scenario.by_hand("buy", 1, at="100")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert (scenario.exits(), scenario.quotes()) == (["take profit: sell 1 at 101"], [])


# --- quoting while a position is open


def test_hold_keeps_what_adds_to_the_position_and_places_nothing_new() -> None:
    """Resting quotes of the adding side stay through every refresh, those of the closing side go in the same step."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.book(bid="99.5", ask="99.7")
    scenario.advance(100)

    assert scenario.quotes() == ["buy 1 at 98"]
    assert scenario.withheld() == {"buy 0": "position held", "sell 0": "position held", "sell 1": "position held"}


def test_hold_still_obeys_price_band_and_staleness() -> None:
    """What averages in is a quote like any other."""
    scenario = quoting(price_ceiling=102)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    assert scenario.quotes() == ["buy 1 at 98"]
    scenario.book(bid="102", ask="102.2")
    scenario.advance(0.1)
    assert scenario.quotes() == []

    stale = quoting()
    stale.fill("buy 0")
    stale.silence("book")
    stale.advance(9.9)
    assert stale.quotes() == ["buy 1 at 98"]
    stale.advance(0.2)
    assert stale.quotes() == []


def test_hold_still_obeys_minimum_spread() -> None:
    """Too near, it goes, and is not placed again while the position is open."""
    scenario = quoting(minimum_spread=0.5)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.book(bid="98.3", ask="98.5")
    scenario.advance(1)

    assert scenario.quotes() == []
    assert scenario.sent("place buy", since=1) == []


def test_pause_cancels_all_quotes_while_a_position_is_open() -> None:
    """Both sides go in the same step as the fill, and come back when it is flat."""
    scenario = quoting(when_in_position="pause", filled_order_delay=0)
    scenario.fill("buy 0", 0.5)
    scenario.advance(0.1)
    assert (scenario.quotes(), scenario.exits()) == ([], ["take profit: sell 0.5 at 100.98"])

    scenario.fill("take profit")
    scenario.advance(1)
    assert len(scenario.quotes()) == 4


def continuing_with(**keys: object) -> Scenario:
    """A bot that goes on quoting in a position, under the risk module that this needs."""
    limit = {"exposure_limit": {"max_position": 100}}

    return quoting(**{"when_in_position": "continue", "filled_order_delay": 0, "risk": limit, **keys})


@pytest.fixture
def continuing() -> Scenario:
    """The same with nothing else said."""
    return continuing_with()


def test_continue_quotes_both_sides_and_the_target_leaves_room_for_closing_quotes(continuing: Scenario) -> None:
    """One-way: the target is the position less the live quotes that would close it too; here nothing is left."""
    continuing.fill("buy 0")
    continuing.advance(1)

    assert continuing.quotes() == ["buy 1 at 99", "buy 1 at 98", "sell 1 at 101", "sell 1 at 102"]
    assert continuing.exits() == []


def test_continue_has_a_target_for_what_closing_quotes_do_not_cover(continuing: Scenario) -> None:
    """Three times filled, less two closing quotes of one each."""
    for _ in range(3):
        continuing.fill("buy 0")
        continuing.advance(1)

    assert continuing.position() == "long 3 at 99"
    assert continuing.exits() == ["take profit: sell 1 at 100.98"]


def test_continue_the_target_is_left_alone_while_the_quotes_beside_it_are_refreshed() -> None:
    """Each is gone for one acknowledgement: what is about to be placed again counts."""
    scenario = continuing_with(order_levels=1, order_refresh_time=5, order_refresh_tolerance_pct=-1)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(1)
    begin = scenario.now
    scenario.advance(20)

    assert (scenario.position(), scenario.exits()) == ("long 2 at 99", ["take profit: sell 1 at 100.98"])
    assert len(scenario.sent("place sell 0", since=begin)) == 4
    assert scenario.sent("place take profit", "cancel take profit", since=begin) == []


def test_continue_a_closing_quote_that_is_not_placed_again_leaves_its_part_to_the_target() -> None:
    """The ask is taken off at the floor: the target is for everything."""
    scenario = continuing_with(order_levels=1, price_floor=90)
    scenario.fill("buy 0")
    scenario.advance(1)
    assert scenario.exits() == []
    scenario.book(bid="89.8", ask="90")
    scenario.advance(0.1)

    assert scenario.position().startswith("long 2")
    assert [one.partition(" at ")[0] for one in scenario.exits()] == ["take profit: sell 2"]


def test_continue_a_fill_through_zero_replaces_all_exits(continuing: Scenario) -> None:
    """From long to short by a quote: the exits are those of the new entry."""
    continuing.fill("buy 0", 0.5)
    continuing.advance(1)
    continuing.fill("sell 0")
    continuing.advance(1)

    assert continuing.position() == "short 0.5 at 101"
    assert continuing.exits() == []


def test_hedge_the_rule_holds_for_each_side_apart() -> None:
    """A long position holds the bids; the asks are refreshed as before."""
    scenario = quoting(position_mode="Hedge", filled_order_delay=0)
    scenario.fill("buy 0")
    scenario.book(bid="99.8", ask="100")
    scenario.advance(20)

    assert scenario.quotes() == ["buy 1 at 98", "sell 1 at 100.9", "sell 1 at 101.9"]
    assert scenario.exits() == ["take profit long: sell 1 at 100.98"]
    assert (scenario.position("long"), scenario.position("short")) == ("long 1 at 99", "flat")
