from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perpmaker.model.order import Side
from perpmaker.model.quote import Rule, Wanted
from perpmaker.testing.view import ScriptedBook

Ticks = Callable[[Wanted, Side], list[int]]

BOOK = ScriptedBook(bids=((9990, 1000), (9900, 1000), (9800, 1000)), asks=((10010, 1000), (10100, 1000), (10200, 1000)))


def optimised(desk: Callable[..., Any], **given: Any) -> Wanted:
    """One decision with optimisation on, in a book with gaps."""
    return desk(**{"book": BOOK, "order_optimization_enabled": True, **given}).decide()  # type: ignore[no-any-return]


def test_retreat_falls_back_to_one_tick_better_than_the_rest(desk: Any, ticks: Ticks) -> None:
    """A quote that would be the best by more than a tick goes back, on both sides alike."""
    wanted = optimised(desk, bid_spread="0.0005", ask_spread="0.0005")

    assert ticks(wanted, Side.BUY) == [9991]  # its own price is 99.95
    assert ticks(wanted, Side.SELL) == [10009]


def test_retreat_never_moves_towards_the_market(desk: Any, ticks: Ticks) -> None:
    """A quote that is not the best keeps its own price."""
    wanted = optimised(desk, bid_spread="0.005", ask_spread="0.005")

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9950], [10050])


def test_depth_of_other_people_is_ignored_when_looking_for_the_price_to_beat(desk: Any, ticks: Ticks) -> None:
    """Amounts up to the depth at the top are as if they were not there."""
    near = {"bid_spread": "0.0005", "ask_spread": "0.0005"}

    assert ticks(optimised(desk, **near, bid_order_optimization_depth="1"), Side.BUY) == [9901]
    assert ticks(optimised(desk, **near, bid_order_optimization_depth="0.999"), Side.BUY) == [9991]
    assert ticks(optimised(desk, **near, ask_order_optimization_depth="2"), Side.SELL) == [10199]


def test_a_book_that_ends_within_the_depth_leaves_the_level_its_own_price(desk: Any, ticks: Ticks) -> None:
    """Without a price to beat nothing moves."""
    wanted = optimised(desk, bid_spread="0.0005", bid_order_optimization_depth="3")

    assert ticks(wanted, Side.BUY) == [9995]


def test_further_levels_keep_their_distance_from_level_1(desk: Any, ticks: Ticks) -> None:
    """The whole ladder moves with its first level."""
    wanted = optimised(desk, bid_spread="0.0005", ask_spread="0.0005", order_levels=3, order_level_spread="0.001")

    assert ticks(wanted, Side.BUY) == [9991, 9981, 9971]
    assert ticks(wanted, Side.SELL) == [10009, 10019, 10029]


def test_top_brings_level_1_to_the_top_as_near_as_allowed(desk: Any, ticks: Ticks) -> None:
    """`top` goes to one tick better than the rest, never nearer than minimum_spread or half of the own spread."""
    for given, expected in [
        ({}, 9950),  # never nearer than half of its own spread of 1 %
        ({"minimum_spread": "0.0002"}, 9991),
        ({"minimum_spread": "0.002"}, 9980),
        ({"bid_spread": "0.0005"}, 9991),  # also falls back
    ]:
        assert ticks(optimised(desk, order_optimization_mode="top", **given), Side.BUY) == [expected]


def test_after_optimisation_no_quote_crosses_the_other_side(desk: Any, ticks: Ticks) -> None:
    """In a market of one tick the best that `top` can do is to join."""
    book = ScriptedBook(bids=((9999, 10),), asks=((10000, 10),))
    wanted = optimised(desk, book=book, order_optimization_mode="top", minimum_spread="-0.01")

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9999], [10000])


def test_the_chain_tells_what_optimisation_did(desk: Any) -> None:
    """Every optimised quote says so between its spread and its rounding."""
    rules = [reason.rule for reason in optimised(desk).quotes[0].reasons]

    assert rules.index(Rule.SPREAD) < rules.index(Rule.OPTIMISATION) < len(rules) - 1
