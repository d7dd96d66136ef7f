"""Strategy, rule 8: quotes that are not right are amended where the venue moves resting orders.

In a scenario an answer is given up after 2 s, the venue takes nothing that is older than 2 s, and after 3 s (the fence)
a command that has not come never will.
"""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

AMENDED_AT = 5.01
GIVEN_UP_AT = AMENDED_AT + 2
FENCE_AT = AMENDED_AT + 3

GOING_ON = {"when_in_position": "continue", "risk": {"exposure_limit": {"max_position": 5}}, "filled_order_delay": 0}


def quoting(**keys: object) -> Scenario:
    """A bot whose venue moves orders, on a market around 100: its quotes rest, a refresh is due at 5.01 s."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "order_refresh_time": 5, **keys}, amends=True)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def moved(**keys: object) -> Scenario:
    """The same, and the market has moved a little since: at the refresh nothing is right any more."""
    scenario = quoting(**keys)
    scenario.book(bid="99.8", ask="100")

    return scenario


def test_rule_8_a_refresh_amends_and_no_level_is_ever_off_the_book() -> None:
    """One command for each order, in one step, and each keeps its id."""
    scenario = moved(order_levels=5)
    before = {order.name: order.client_id for order in scenario.orders()}
    scenario.advance(4)

    while scenario.now < 6:
        assert len(scenario.quotes()) == 10
        scenario.advance(0.001)

    assert {at for at, _ in scenario.sent(since=1)} == {AMENDED_AT}
    assert sorted(what for _, what in scenario.sent(since=1)) == sorted(
        f"amend {side} {level}: 1 at {price - level if side == 'buy' else price + level}"
        for side, price in (("buy", 98.9), ("sell", 100.9))
        for level in range(5)
    )
    assert {order.name: order.client_id for order in scenario.orders()} == before
    assert set(scenario.believed_orders()) == {f"{name}: open" for name in before}


def test_rule_8_right_quotes_are_not_touched() -> None:
    """An amend would cost the place in the queue."""
    scenario = quoting()
    scenario.advance(20)

    assert scenario.sent(since=1) == []


def test_rule_8_where_only_the_refresh_is_another_one_a_quote_is_replaced() -> None:
    """The venue has nothing to amend in it: a negative tolerance means a new order."""
    scenario = quoting(order_refresh_tolerance_pct=-1)
    scenario.advance(5)

    assert [what for _, what in scenario.sent(since=1)] == [
        "cancel buy 0",
        "cancel sell 0",
        "place buy 0: 1 at 99",
        "place sell 0: 1 at 101",
    ]


@pytest.mark.parametrize(("filled", "commands"), [("0.5", ["amend buy 0: 1 at 98.9"]), ("0.501", ["cancel buy 0"])])
def test_rule_8_a_quote_of_which_less_than_half_is_left_is_worth_a_new_one(filled: str, commands: list[str]) -> None:
    """Amended, the total stays what is wanted, so that what was filled is counted."""
    scenario = quoting(**GOING_ON, order_level_spread=1)
    scenario.fill("buy 0", filled)
    scenario.book(bid="99.8", ask="100")
    scenario.advance(4.02)

    assert [what for _, what in scenario.sent("amend buy", "cancel buy", since=1)] == commands


def test_rule_8_no_second_amend_before_the_first_is_answered() -> None:
    """The market moves on while the answer is under way; at the next refresh the next one goes."""
    scenario = moved()
    scenario.delay("amend", requests=0.5, answers=1, stream=1)
    scenario.advance(4.3)
    scenario.book(bid="99.7", ask="99.9")
    assert scenario.believed_orders() == ["buy 0: amending", "sell 0: amending"]

    scenario.advance(10)
    assert [at for at, _ in scenario.sent("amend buy")] == [AMENDED_AT, 10.01, 15.01][:2]
    assert scenario.quotes() == ["buy 1 at 98.8", "sell 1 at 100.8"]


def test_F04_an_amend_lost_before_the_venue_is_proven_lost_at_the_fence_and_the_quote_replaced() -> None:
    """Asked from the moment it is unknown; that it rests as it was proves nothing as long as the amend may come."""
    scenario = moved()
    scenario.lose("amend buy", "before")
    scenario.advance(6.5)
    assert scenario.believed_orders() == ["buy 0: unknown", "sell 0: open"]
    assert scenario.sent("ask")[0].at == pytest.approx(GIVEN_UP_AT)
    assert scenario.sent(since=AMENDED_AT + 0.001) == []

    scenario.advance(5)
    cancelled, placed = scenario.sent(since=AMENDED_AT + 0.001)[:2]
    assert (cancelled.what, placed.what) == ("cancel buy 0", "place buy 0: 1 at 98.9")
    assert FENCE_AT <= cancelled.at <= FENCE_AT + 0.5
    assert scenario.believed_orders() == ["sell 0: open", "buy 0: open"]


def test_F05_an_amend_whose_answer_is_lost_is_proven_by_the_stream() -> None:
    """The stream tells of this very amend: nothing is asked, nothing is sent."""
    scenario = moved()
    scenario.lose("amend", "after")
    scenario.advance(4.1)

    assert scenario.believed_orders() == ["buy 0: open", "sell 0: open"]
    scenario.advance(0.8)
    assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]
    assert scenario.sent("", since=AMENDED_AT + 0.001) == []


def test_F05_without_a_stream_it_is_proven_by_the_order_as_it_is() -> None:
    """What the amend was to make of the order can only come of it: the fence need not be waited for."""
    scenario = moved()
    scenario.silence("account")
    scenario.lose("amend buy", "after")
    scenario.advance(6.2)

    assert [one.what for one in scenario.sent("", since=AMENDED_AT + 0.001)] == ["ask buy 0"]
    assert scenario.believed_orders() == ["buy 0: open", "sell 0: open"]


def test_F06_an_amend_that_comes_late_is_not_taken_for_lost() -> None:
    """It is given up, asked about, seen as it was, and then it comes after all: within the venue's window."""
    scenario = moved()
    scenario.silence("account")
    scenario.delay("amend buy", requests=1.995, answers=1)
    scenario.delay("ask", requests=0.001, answers=0.4)
    scenario.advance(9)

    assert scenario.sent(since=AMENDED_AT + 0.001) == []
    assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]
    assert scenario.believed_orders() == ["buy 0: open", "sell 0: open"]


def test_F09_while_an_amend_is_unknown_nothing_new_is_placed() -> None:
    """The other side's quote goes: an unknown outcome blocks what would add exposure, as any does."""
    scenario = moved()
    scenario.lose("amend buy", "before")
    scenario.advance(6.1)
    scenario.expire("sell 0")
    scenario.advance(0.8)
    assert scenario.sent("place", "amend", since=AMENDED_AT + 0.001) == []

    scenario.advance(5)
    assert len(scenario.quotes()) == 2


def test_F09_of_several_amends_each_has_its_own_outcome() -> None:
    """One lost, one refused, one made."""
    scenario = moved(order_levels=3)
    scenario.lose("amend buy 1", "before")
    scenario.refuse("amend buy 2", "filter")
    scenario.advance(6.2)
    assert scenario.believed_orders()[:2] == ["buy 0: open", "buy 1: unknown"]

    scenario.advance(6)
    assert scenario.quotes()[:3] == ["buy 1 at 98.9", "buy 1 at 97.9", "buy 1 at 96.9"]
    assert all(line.endswith("open") for line in scenario.believed_orders())


def test_rule_8_an_amend_that_is_refused_leaves_the_order_as_it_was_and_it_is_replaced() -> None:
    """It rests where it should not: cancelled, and placed anew."""
    for reason in ["filter", "price_band", "insufficient_margin", "restricted", "other"]:
        scenario = moved()
        scenario.refuse("amend buy", reason)
        scenario.advance(6)

        assert [what for _, what in scenario.sent("cancel", "place", since=1)] == [
            "cancel buy 0",
            "place buy 0: 1 at 98.9",
        ]
        assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]


def test_rule_8_a_venue_that_is_busy_is_not_stormed_with_what_replaces_an_amend() -> None:
    """The cancel goes at once, the new order waits, as after a new order that was refused."""
    for reason in ["rate_limit", "busy", "too_many_orders"]:
        scenario = moved()
        scenario.refuse("amend", reason, times=2)
        scenario.advance(4.5)
        assert [what for _, what in scenario.sent("cancel", "place", since=1)] == ["cancel buy 0", "cancel sell 0"]

        scenario.advance(2)
        assert len(scenario.quotes()) == 2


def test_rule_8_a_refusal_that_leaves_open_what_the_order_is_has_it_asked_for_first() -> None:
    """It may be filled, be moved by another amend, or be off the book: nothing is sent before the answer."""
    for reason in ["not_found", "amend_pending", "post_only_would_take"]:
        scenario = moved()
        scenario.refuse("amend buy", reason)
        scenario.delay("ask", answers=0.3)
        scenario.advance(4.2)
        assert [one.what for one in scenario.sent("", since=AMENDED_AT + 0.001)] == ["ask buy 0"]

        scenario.advance(1)
        assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]


def test_rule_8_an_order_that_is_already_as_wanted_needs_nothing() -> None:
    """An earlier amend was made after all: the venue has no need to modify it, and a look confirms it."""
    scenario = moved()
    scenario.silence("account")
    scenario.lose("amend buy", "after")
    scenario.delay("ask", answers=1.9)
    scenario.advance(4.5)
    order = scenario._trader.state.orders.live[scenario.orders()[0].client_id].working
    assert order.prices == (9890, 9900)
    scenario.advance(10)

    assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]


def test_rule_12_an_amend_that_would_take_is_ended_by_the_venue_and_the_level_comes_back_at_once() -> None:
    """The venue does not say why the order is gone: so soon after our amend it is no person's wish."""
    scenario = quoting(bid_spread=0.2, ask_spread=0.2)
    scenario.book(bid="99.75", ask="99.85")
    scenario.delay("amend", requests=0.2)
    scenario.advance(4.1)
    scenario.book(bid="100.1", ask="100.15")
    scenario.advance(0.5)

    assert scenario.sent("amend sell") == [(AMENDED_AT, "amend sell 0: 1 at 100")]
    assert scenario.believed_orders() == ["buy 0: open", "sell 0: open"]
    assert scenario.quotes() == ["buy 1 at 99.6", "sell 1 at 100.33"]
    assert scenario.fills() == []


def test_rule_11_fills_while_an_amend_is_under_way_count_once() -> None:
    """Filled where it was, in part, before the amend came: what is left rests at the new price."""
    scenario = moved(**GOING_ON)
    scenario.delay("amend", requests=0.3, answers=0.3)
    scenario.advance(4.1)
    scenario.fill("buy 0", "0.4")
    scenario.advance(2)

    assert scenario.fills() == ["buy 0: 0.4 at 99"]
    assert scenario.believed_position() == scenario.position() == "long 0.4 at 99"
    assert "buy 0.6 at 98.9" in scenario.quotes()
    assert all(line.endswith("open") for line in scenario.believed_orders())


def test_rule_11_an_order_that_fills_before_its_amend_comes_is_filled() -> None:
    """The amend finds no order; the order is asked for, and nothing is placed beside what has become of it."""
    scenario = moved(long_profit_taking_spread=1)
    scenario.delay("amend", requests=0.3, answers=0.3)
    scenario.advance(4.1)
    scenario.fill("buy 0")
    scenario.advance(2)

    assert scenario.position() == scenario.believed_position() == "long 1 at 99"
    assert not [line for line in scenario.believed_orders() if line.startswith("buy")]


def test_I5_a_stop_takes_off_a_quote_with_an_amend_under_way() -> None:
    """A cancel may be sent at any time, and what it proves is that the order is gone."""
    scenario = moved()
    scenario.delay("amend", requests=0.5, answers=0.5)
    scenario.advance(4.1)
    scenario.stop()
    scenario.advance(3)

    assert scenario.quotes() == []
    assert scenario._trader.is_clean


def test_I5_a_stop_takes_off_a_quote_whose_amend_is_unknown() -> None:
    """The same where nobody knows whether it was amended."""
    scenario = moved()
    scenario.lose("amend", "before", times=2)
    scenario.advance(6.1)
    scenario.stop()
    scenario.advance(1)

    assert scenario.quotes() == []
    assert scenario._trader.is_clean


def test_I7_an_amend_of_unknown_outcome_counts_with_its_larger_amount_at_its_worse_price() -> None:
    """It may rest as it was or as it was to be, until that is proven."""
    scenario = quoting()
    scenario.silence("account")
    scenario.book(bid="101.4", ask="101.6")
    scenario.lose("amend buy", "after")
    scenario.delay("ask", answers=20)
    scenario.advance(6.5)
    bid = next(order for order in scenario._trader.working() if str(order.slot) == "quote buy 0")

    assert bid.prices == (10048, 9900)
    assert (bid.highest_ticks, bid.remaining_lots) == (10048, 1000)


def test_I23_a_new_process_takes_an_amended_order_as_it_rests() -> None:
    """Killed with amends under way, one made and one lost: nothing is quoted before neither can come any more."""
    scenario = moved()
    scenario.lose("amend buy", "after")
    scenario.lose("amend sell", "before")
    scenario.advance(4.011)
    scenario.restart()
    scenario.advance(2.9)
    assert scenario.sent("place", "amend", since=5.012) == []

    scenario.advance(3)
    assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]
    assert sorted(scenario.believed_orders()) == ["buy 0: open", "sell 0: open"]


def test_rule_8_an_earlier_process_s_amend_that_comes_late_is_seen_and_mended() -> None:
    """Killed before its amend has come: the stream tells where the order rests now."""
    scenario = moved()
    scenario.delay("amend", requests=1.5)
    scenario.advance(4.1)
    scenario.restart()
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(12)

    assert scenario.quotes() == ["buy 1 at 99", "sell 1 at 101"]
