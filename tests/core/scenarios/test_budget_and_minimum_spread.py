"""Strategy, rules 6 and 7: what the balance carries, and how near a quote may be."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.instrument import OrderMargin
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument


def funded(balance: int, *, margin: OrderMargin = OrderMargin.BOTH_SIDES, fee: str = "0", **keys: object) -> Scenario:
    """A bot with so much money on a venue that asks for this margin."""
    rules = attrs.evolve(make_instrument(), order_margin=margin, taker_fee=Decimal(fee))
    scenario = Scenario({"sandbox": {"balance": balance}, "order_levels": 3, **keys}, instrument=rules)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


# --- 6. budget


def test_rule_6_a_thin_balance_keeps_both_sides_alive() -> None:
    """From level 1 outward, the sides in turn; what does not fit is withheld whole."""
    scenario = funded(310)

    assert scenario.quotes() == ["buy 1 at 99.9", "buy 1 at 98.9", "sell 1 at 100.1"]
    assert scenario.withheld() == {"buy 2": "budget", "sell 1": "budget", "sell 2": "budget"}


def test_rule_6_leverage_divides_the_margin() -> None:
    """The same money carries twice as much at twice the leverage."""
    assert len(funded(310, leverage=2).quotes()) == 6


def test_rule_6_a_venue_that_margins_the_larger_side_carries_more() -> None:
    """Only the larger side counts where the venue says so."""
    assert len(funded(310, margin=OrderMargin.LARGER_SIDE).quotes()) == 6


def test_rule_6_the_taker_fee_is_part_of_the_budget() -> None:
    """A balance of exactly the margin does not carry the quote: its fee is missing."""
    assert funded(200, order_levels=1).quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]
    assert funded(200, fee="0.001", order_levels=1).quotes() == ["buy 1 at 99.9"]


def test_rule_6_orders_about_to_be_replaced_do_not_count() -> None:
    """At a refresh the old quotes' margin is free for the new ones."""
    scenario = funded(200, order_levels=1, order_refresh_time=5)
    scenario.book(bid="99.8", ask="99.98")
    scenario.advance(10)

    assert scenario.quotes() == ["buy 1 at 99.79", "sell 1 at 99.99"]


def test_rule_6_a_partly_filled_quote_holds_the_margin_of_its_rest() -> None:
    """What was filled is in the position's margin: 250 less 90 for it and 10 for the rest carry the other side."""
    scenario = funded(250, order_levels=1, order_refresh_time=5, position_mode="Hedge", long_profit_taking_spread=5)
    scenario.fill("buy 0", "0.9")
    scenario.book(bid="99.8", ask="99.98")
    scenario.advance(10)

    assert (scenario.quotes(), scenario.withheld()) == (["buy 0.1 at 99.9", "sell 1 at 99.99"], {})


def test_rule_6_no_quote_is_refused_by_the_venue_for_margin() -> None:
    """What the budget grants, the venue takes."""
    scenario = funded(310, fee="0.0005", leverage=3, order_levels=5, order_refresh_time=3)

    for bid in range(90, 110):
        scenario.book(bids={bid: 100}, asks={bid + 1: 100})
        scenario.advance(2)

    assert not [notice for notice in scenario.notices if "margin" in notice]


# --- 7. minimum spread


def test_rule_7_a_level_nearer_than_the_minimum_is_withheld() -> None:
    """A ladder level that rounding or optimisation would bring nearer is not placed."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "minimum_spread": 1})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert scenario.quotes() == ["buy 1 at 99", "sell 1 at 101"]


def test_rule_7_a_quote_that_the_market_came_too_near_to_goes_at_once_and_is_back_a_second_later() -> None:
    """In the middle of a refresh time, at its new price; the other side stays."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "minimum_spread": 0.5, "order_refresh_time": 60})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.book(bid="99.3", ask="99.5")
    assert scenario.sent(since=1) == [(1.0, "cancel buy 0")]

    scenario.advance(1.5)
    assert scenario.sent(since=1)[1:] == [(2.0, "place buy 0: 1 at 98.4")]
    assert scenario.quotes() == ["buy 1 at 98.4", "sell 1 at 101"]


def test_rule_7_exactly_at_the_minimum_is_right() -> None:
    """The minimum itself is allowed: nothing is cancelled before the market is beyond it."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "minimum_spread": 0.5, "order_refresh_time": 60})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.book(bid="99.39", ask="99.61")
    scenario.advance(1)

    assert scenario.sent(since=1) == []
