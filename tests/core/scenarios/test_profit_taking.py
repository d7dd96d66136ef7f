"""Strategy, profit taking, the timers of exits, and dust."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument

KEYS = {"bid_spread": 1, "ask_spread": 1, "long_profit_taking_spread": 1.005, "short_profit_taking_spread": 1.005}


def quoting(**keys: object) -> Scenario:
    """A bot on a market around 100, its quotes placed."""
    scenario = Scenario({**KEYS, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


@pytest.mark.parametrize(
    ("quote", "target"),
    [("buy 0", "take profit: sell 1 at 100"), ("sell 0", "take profit: buy 1 at 99.98")],
)
def test_target_stands_at_its_distance_from_the_entry_rounded_away_from_the_market(quote: str, target: str) -> None:
    """Long: 99 x 1.01005 = 99.99495, up; short: 101 x 0.98995 = 99.98495, down."""
    scenario = quoting()
    scenario.fill(quote)
    scenario.advance(0.1)

    assert scenario.exits() == [target]


def test_target_covers_each_partial_fill_at_once() -> None:
    """Its size is the position, whatever part of a quote is filled."""
    scenario = quoting()

    for part, whole in ((0.1, "0.1"), (0.3, "0.4"), (0.6, "1")):
        scenario.fill("buy 0", part)
        scenario.advance(0.1)
        assert scenario.exits() == [f"take profit: sell {whole} at 100"]


def test_target_that_is_partly_filled_rests_with_what_is_left() -> None:
    """A partial profit leaves the rest of the order where it is."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.fill("take profit", 0.4)
    scenario.advance(20)

    assert scenario.exits() == ["take profit: sell 0.6 at 100"]
    assert len(scenario.sent("place take profit")) == 1


def test_target_is_replaced_at_once_also_while_the_fills_of_the_old_one_are_missing() -> None:
    """The acknowledgement says that 0.4 of it were executed, the stream is slow: the new one is for the rest."""
    scenario = quoting(order_levels=2, long_profit_taking_spread=5)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.delay("cancel", requests=0.2)
    scenario.fill("buy 1")
    scenario.advance(0.1)
    scenario.delay("cancel", requests=0.2, stream=10)
    scenario.fill("take profit", 0.4)
    scenario.advance(0.2)

    assert scenario.position() == "long 1.6 at 98.5"
    assert scenario.exits() == ["take profit: sell 1.6 at 103.43"]
    scenario.advance(5)
    assert scenario.believed_position() == "long 1.6 at 98.5"
    assert len(scenario.sent("place take profit", since=2)) == 1


def test_target_that_the_market_has_passed_executes_at_once() -> None:
    """It is not post-only: with a spread of 0 the entry price is below the bid already."""
    scenario = quoting(long_profit_taking_spread=0)
    scenario.fill("buy 0")
    scenario.advance(0.1)

    assert scenario.position() == "flat"
    assert scenario.fills() == ["buy 0: 1 at 99", "take profit: 1 at 99.9"]


def test_target_does_not_wait_for_the_closing_sides_quotes() -> None:
    """They are cancelled in the same step, however long that takes."""
    scenario = quoting()
    scenario.delay("cancel", requests=1)
    scenario.fill("buy 0")
    scenario.advance(0.1)

    assert scenario.exits() == ["take profit: sell 1 at 100"]
    assert scenario.quotes() == ["sell 1 at 101"]


def test_no_quote_timer_delays_an_exit() -> None:
    """A fill in the middle of everything has its target after one way there and back."""
    scenario = quoting(order_refresh_time=600, filled_order_delay=600)
    scenario.advance(100)
    scenario.fill("sell 0")
    scenario.advance(0.011)

    assert scenario.exits() == ["take profit: buy 1 at 99.98"]


def test_a_refused_target_is_sent_again_without_end() -> None:
    """At once, then after 0.25, 0.5, 1 .. 2 s, and when 2 s are over; not passed by the market it stays a limit."""
    scenario = quoting()
    scenario.refuse("place take profit", "busy", times=8)
    scenario.fill("buy 0")
    scenario.advance(20)

    times = [at for at, _ in scenario.sent("place take profit")]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == pytest.approx([0, 0.25, 0.5, 1, 0.25, 2, 2, 2], abs=0.04)
    assert scenario.exits() == ["take profit: sell 1 at 100"]


def test_a_target_that_the_market_has_passed_and_that_keeps_being_refused_is_closed_at_market_after_2_s() -> None:
    """Once the market has passed it there is nothing to wait for."""
    scenario = quoting()
    scenario.refuse("place take profit", "busy", times=None)
    scenario.fill("buy 0")
    scenario.book(bid="100.5", ask="100.7")
    scenario.advance(5)

    assert scenario.position() == "flat"
    first = scenario.sent("place take profit")[0].at
    assert scenario.sent("place close")[0].at - first == pytest.approx(2, abs=0.05)
    assert scenario.fills()[-1] == "close: 1 at 100.5"


def test_a_target_that_was_refused_before_it_rested_is_no_failure_when_it_is_replaced() -> None:
    """The market has passed the new one: it is a limit order as ever, and leaves the rest of a thin book alone."""
    scenario = Scenario({"long_profit_taking_spread": 0.5})
    scenario.refuse("place take profit", "busy")
    scenario.by_hand("buy", 1, at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(3)
    assert scenario.exits() == ["take profit: sell 1 at 100.5"]

    scenario.by_hand("buy", 1, at=96)
    scenario.book(bids={"99.9": "0.5", "90": 100})
    scenario.advance(1)
    assert scenario.fills() == ["take profit: 0.5 at 99.9"]
    assert scenario.exits() == ["take profit: sell 1.5 at 98.49"]


def test_a_target_cancelled_by_a_person_is_placed_again() -> None:
    """Exits are not a person's to take away: the position is protected."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.cancel_by_hand("take profit")
    scenario.advance(0.1)

    assert scenario.exits() == ["take profit: sell 1 at 100"]


# --- dust


def test_dust_of_at_least_a_lot_under_the_minimum_notional_is_closed_reduce_only() -> None:
    """The minimum is for orders that open."""
    scenario = Scenario(KEYS, instrument=make_instrument(min_notional=Decimal(50)))
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0", 0.1)
    scenario.advance(0.1)

    assert scenario.exits() == ["take profit: sell 0.1 at 100"]


def dusty(**keys: object) -> Scenario:
    """The same in a market whose smallest order is 0.1."""
    scenario = Scenario({**KEYS, **keys}, instrument=make_instrument(min_amount=Decimal("0.1")))
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


DUST = "dust: the net position is 0.05: the market's smallest order is 0.1; it stays, and quoting goes on"


def test_dust_under_the_minimum_amount_is_never_sent_told_once_and_quoting_goes_on() -> None:
    """The venue refuses such an order, reduce-only or not."""
    scenario = dusty(stop_loss_spread=0.5)
    scenario.fill("buy 0", 0.05)
    scenario.advance(20)

    assert (scenario.exits(), scenario.notices) == ([], [DUST])
    assert scenario.quotes() == ["buy 0.95 at 99", "sell 1 at 101"]
    assert scenario.sent("place take profit") == []
    scenario.cancel_by_hand("buy 0")
    scenario.advance(0.1)
    scenario.book(bid="98.3", ask="98.5")
    scenario.advance(1)
    assert scenario.sent("place stop loss") == []


def test_dust_that_grows_into_a_position_has_its_exits_at_once() -> None:
    """What may be sent is sent for the whole of it."""
    scenario = dusty()
    scenario.fill("buy 0", 0.05)
    scenario.advance(1)
    scenario.fill("buy 0", 0.05)
    scenario.advance(0.1)

    assert scenario.exits() == ["take profit: sell 0.1 at 100"]


def test_dust_that_a_target_has_left_is_closed_by_what_rests_of_it() -> None:
    """Cancelled it could not be sent again; the next position has a whole target."""
    scenario = dusty(filled_order_delay=0)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.fill("take profit", 0.95)
    scenario.advance(1)
    assert scenario.exits() == ["take profit: sell 0.05 at 100"]
    assert len(scenario.quotes()) == 2

    scenario.fill("take profit")
    scenario.advance(1)
    assert (scenario.position(), scenario.exits()) == ("flat", [])


def test_dust_is_flat_enough_for_a_stop_that_closes_first() -> None:
    """Nobody can close it: the way to the end does not wait for it."""
    scenario = dusty()
    scenario.fill("buy 0", 0.05)
    scenario.advance(1)
    scenario.stop(close=True)
    scenario.advance(1)

    assert (scenario.orders(), scenario.sent("place close")) == ([], [])
    assert scenario.position() == "long 0.05 at 99"
