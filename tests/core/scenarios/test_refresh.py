"""Strategy, rules 8 and 9: the refresh, its tolerance, and the pause after a fill."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario


def quoting(**keys: object) -> Scenario:
    """A bot of these keys on a market around 100, its first quotes placed at 0.01 s."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "long_profit_taking_spread": 1, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


# --- 8. refresh


def test_rule_8_quotes_are_looked_at_again_at_every_refresh_time() -> None:
    """Between refreshes a moved market changes nothing; at t0 + 15 s the old goes, on its acknowledgement the new."""
    scenario = quoting()
    scenario.book(bid="99.8", ask="100")
    scenario.advance(19)

    assert scenario.sent(since=1) == [
        (15.01, "cancel buy 0"),
        (15.01, "cancel sell 0"),
        (15.02, "place buy 0: 1 at 98.9"),
        (15.02, "place sell 0: 1 at 100.9"),
    ]


def test_rule_8_timers_do_not_drift() -> None:
    """The k-th refresh is at t0 + k x order_refresh_time, whatever the latency of those before."""
    scenario = quoting(order_refresh_tolerance_pct=-1)
    scenario.delay(answers=0.7, stream=0.7)
    scenario.advance(70)

    assert [at for at, what in scenario.sent("cancel buy")] == [15.01, 30.01, 45.01, 60.01]


def test_rule_8_right_quotes_stay_and_keep_their_queue_place() -> None:
    """Prices within the tolerance leave the orders alone."""
    scenario = quoting(order_refresh_tolerance_pct=0.2)
    scenario.book(bid="99.75", ask="99.95")
    scenario.advance(60)

    assert scenario.sent(since=1) == []


def test_rule_8_beyond_the_tolerance_they_are_replaced() -> None:
    """The tolerance is a share of the old price, for each order by itself."""
    scenario = quoting(order_refresh_tolerance_pct=0.2)
    scenario.book(bid="99.6", ask="99.8")
    scenario.advance(19)

    assert scenario.quotes() == ["buy 1 at 98.7", "sell 1 at 100.7"]


def test_rule_8_a_negative_tolerance_replaces_every_order() -> None:
    """Also when nothing has moved."""
    scenario = quoting(order_refresh_tolerance_pct=-1)
    scenario.advance(15)

    assert [what for _, what in scenario.sent("cancel")] == ["cancel buy 0", "cancel sell 0"]


def test_rule_8_never_are_the_old_and_the_new_order_of_a_level_both_live() -> None:
    """With slow answers a level is off the book for one acknowledgement, and no longer."""
    scenario = quoting(order_levels=2)
    scenario.delay(answers=1, stream=1)
    scenario.book(bid="99.8", ask="100")

    for _ in range(200):
        scenario.advance(0.1)
        assert len(scenario.quotes()) <= 4

    assert scenario.sent("place", since=15) == [
        (16.015, "place buy 0: 1 at 98.9"),
        (16.015, "place buy 1: 1 at 97.9"),
        (16.015, "place sell 0: 1 at 100.9"),
        (16.015, "place sell 1: 1 at 101.9"),
    ]


def test_rule_8_a_ladder_that_moved_by_a_whole_level_keeps_the_orders_at_its_new_prices() -> None:
    """Only the level that fell out of the ladder is replaced, by the one that is new in it."""
    scenario = quoting(
        bid_spread=0.99, ask_spread=1.01, order_levels=3, order_level_spread=0.99, order_refresh_tolerance_pct=0.05
    )
    scenario.book(bid="100.91", ask="101.09")
    scenario.advance(20)

    assert [what for _, what in scenario.sent(since=2)] == [
        *("cancel buy 2", "cancel sell 0"),
        *("place buy 2: 1 at 100", "place sell 0: 1 at 104.02"),
    ]


def test_rule_8_a_partly_filled_quote_counts_with_its_original_amount() -> None:
    """Half of it is gone: it is still the right order, and stays with its rest."""
    scenario = quoting(when_in_position="hold", order_levels=2)
    scenario.fill("buy 0", 0.4)
    scenario.advance(1)
    scenario.fill("take profit")
    scenario.advance(40)

    assert "buy 0.6 at 99" in scenario.quotes()
    assert scenario.sent("cancel buy") == []


# --- 9. filled delay


def test_rule_9_a_complete_fill_stops_new_quotes_on_both_sides() -> None:
    """One-way: nothing new for filled_order_delay, counted from the fill."""
    scenario = quoting(filled_order_delay=20)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.fill("take profit")
    scenario.advance(30)

    assert scenario.sent("place", since=1)[1:] == [
        (21.005, "place buy 0: 1 at 99"),
        (21.005, "place sell 0: 1 at 101"),
    ]


def test_rule_9_partial_fills_do_not_stop_quotes() -> None:
    """A partial fill that is closed at a profit lets both sides begin anew at once."""
    scenario = quoting(filled_order_delay=20)
    scenario.fill("buy 0", 0.5)
    scenario.advance(1)
    scenario.fill("take profit")
    scenario.advance(0.1)

    assert "sell 1 at 101" in scenario.quotes()


def test_rule_9_a_due_refresh_waits_and_cancels_go_on() -> None:
    """During the delay resting quotes are not replaced, but what must go goes."""
    scenario = quoting(order_levels=2, filled_order_delay=60, price_ceiling=103)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.fill("take profit")
    scenario.advance(1)
    scenario.book(bid="99.7", ask="99.9")
    scenario.advance(30)
    assert scenario.quotes() == ["buy 1 at 98"]

    scenario.book(bid="103", ask="103.2")
    scenario.advance(0.1)
    assert scenario.quotes() == []


def test_rule_9_a_profit_taking_fill_starts_no_delay() -> None:
    """Only fills of quotes do, and a stop."""
    scenario = quoting(filled_order_delay=5)
    scenario.fill("buy 0")
    scenario.advance(10)
    scenario.fill("take profit")
    scenario.advance(0.1)

    assert scenario.quotes() == ["buy 1 at 99", "sell 1 at 101"]


def test_rule_9_a_stop_loss_close_starts_the_delay() -> None:
    """Counted from the moment at which the stop brought the position to zero."""
    scenario = quoting(filled_order_delay=20, stop_loss_spread=3, venue_backstop=False, order_refresh_time=100)
    scenario.fill("buy 0")
    scenario.advance(29)
    scenario.book(bid="95", ask="95.2")
    scenario.advance(1)
    assert scenario.position() == "flat"

    closed = scenario.sent("place stop loss")[0].at
    scenario.advance(40)
    assert scenario.sent("place buy", since=2)[0].at == pytest.approx(closed + 20, abs=0.02)


@pytest.mark.parametrize("quiet", [False, True])
def test_rule_9_a_stop_that_has_fired_starts_the_delay_whoever_closes(quiet: bool) -> None:
    """A person is faster than the stop order: the market has fallen all the same."""
    scenario = quoting(filled_order_delay=20, stop_loss_spread=3, venue_backstop=False, when_in_position="pause")
    scenario.by_hand("buy", 1, at=100)
    scenario.advance(29)
    scenario.delay("cancel", answers=0.9, stream=0.9)
    scenario.book(bid="96", ask="96.2")
    scenario.advance(0.5)
    scenario.heal()
    scenario.by_hand("sell", 1, at=96, quiet=quiet)
    scenario.advance(40)

    assert (scenario.position(), scenario.sent("place stop loss")) == ("flat", [])
    assert scenario.sent("place buy", since=2)[0].at == pytest.approx(30.5 + 20, abs=0.02)


def test_rule_9_the_delay_never_delays_an_exit() -> None:
    """The target is out within the same step as the fill."""
    scenario = quoting(filled_order_delay=600)
    scenario.fill("buy 0")
    scenario.advance(0.1)

    assert scenario.sent("place take profit") == [(1.005, "place take profit: sell 1 at 99.99")]


def test_rule_9_hedge_delays_only_the_side_that_was_filled() -> None:
    """The other side's quotes are refreshed as if nothing had happened."""
    scenario = quoting(position_mode="Hedge", filled_order_delay=60)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.fill("take profit long")
    scenario.book(bid="99.8", ask="100")
    scenario.advance(20)

    assert scenario.quotes() == ["sell 1 at 100.9"]
    assert scenario.withheld() == {"buy 0": "filled delay"}
