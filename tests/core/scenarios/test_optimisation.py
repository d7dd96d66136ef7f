"""Strategy, rule 4: where a ladder stands at the top of the book."""

from __future__ import annotations

from perpmaker.testing.scenario import Scenario

BIDS = {"99.5": 1, "99.4": 5, "99.2": 100}
ASKS = {"100.5": 1, "100.6": 5, "100.8": 100}


def optimised(**keys: object) -> Scenario:
    """A bot with optimisation on a book around 100 whose first levels are thin."""
    scenario = Scenario({"order_optimization_enabled": True, **keys})
    scenario.book(bids=BIDS, asks=ASKS)
    scenario.advance(1)

    return scenario


def test_rule_4_retreat_falls_back_to_one_tick_better_than_the_rest() -> None:
    """A quote that would be the best by more than a tick is not given away."""
    assert optimised().quotes() == ["buy 1 at 99.51", "sell 1 at 100.49"]


def test_rule_4_retreat_never_moves_a_quote_towards_the_market() -> None:
    """A quote that is further out than the rest stays where its spread puts it."""
    assert optimised(bid_spread=1, ask_spread=1).quotes() == ["buy 1 at 99", "sell 1 at 101"]


def test_rule_4_top_comes_forward_to_one_tick_better_than_the_rest() -> None:
    """Also when its own spread would put it further out."""
    scenario = optimised(bid_spread=0.9, ask_spread=0.9, order_optimization_mode="top")

    assert scenario.quotes() == ["buy 1 at 99.51", "sell 1 at 100.49"]


def test_rule_4_top_is_never_nearer_than_half_of_its_own_spread() -> None:
    """With minimum_spread off that is how far it comes forward."""
    scenario = optimised(bid_spread=2, ask_spread=2, order_optimization_mode="top")

    assert scenario.quotes() == ["buy 1 at 99", "sell 1 at 101"]


def test_rule_4_top_is_never_nearer_than_minimum_spread() -> None:
    """With minimum_spread on, that is how far it comes forward."""
    scenario = optimised(bid_spread=2, ask_spread=2, order_optimization_mode="top", minimum_spread=0.7)

    assert scenario.quotes() == ["buy 1 at 99.3", "sell 1 at 100.7"]


def test_rule_4_depth_at_the_top_is_ignored() -> None:
    """The price to beat is the best one behind so much of other people's orders."""
    scenario = optimised(bid_order_optimization_depth=1, ask_order_optimization_depth=6)

    assert scenario.quotes() == ["buy 1 at 99.41", "sell 1 at 100.79"]


def test_rule_4_a_book_that_ends_within_the_depth_leaves_the_price_alone() -> None:
    """There is nothing to beat then."""
    scenario = optimised(bid_order_optimization_depth=1000, ask_order_optimization_depth=1000)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]


def test_rule_4_further_levels_keep_their_distance_from_the_first() -> None:
    """The whole ladder moves with level 1."""
    scenario = optimised(order_levels=3, order_level_spread=1)

    assert scenario.quotes() == [
        *("buy 1 at 99.51", "buy 1 at 98.51", "buy 1 at 97.51"),
        *("sell 1 at 100.49", "sell 1 at 101.49", "sell 1 at 102.49"),
    ]


def test_rule_4_a_level_that_is_not_acknowledged_yet_is_not_the_price_to_beat() -> None:
    """Level by level is replaced while the one before it is on its way: all stand on the same price to beat."""
    scenario = optimised(order_levels=2, order_level_spread=0.2, order_optimization_mode="top", order_refresh_time=5)
    scenario.delay(answers=1.5, stream=1.5)
    scenario.delay("cancel buy 0", answers=0.1, stream=1.5)
    scenario.delay("cancel buy 1", answers=0.5, stream=1.5)
    scenario.book(bids={**BIDS, "99.6": 1})
    scenario.advance(9)

    assert scenario.quotes()[:2] == ["buy 1 at 99.61", "buy 1 at 99.41"]
    assert [at for at, _ in scenario.sent("place buy", since=2)] == [5.115, 5.515]


def test_rule_4_own_orders_are_not_the_price_to_beat() -> None:
    """At every refresh the rest is other people: no creeping tick by tick."""
    scenario = optimised(order_refresh_time=2)
    scenario.advance(60)

    assert scenario.quotes() == ["buy 1 at 99.51", "sell 1 at 100.49"]
    assert len(scenario.sent()) == 2
