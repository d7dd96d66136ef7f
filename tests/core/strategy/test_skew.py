from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Rule, Wanted
from perpmaker.testing.view import ScriptedBook, make_instrument, make_position

Ticks = Callable[[Wanted, Side], list[int]]

BID, ASK = Slot(OrderKind.QUOTE, Side.BUY), Slot(OrderKind.QUOTE, Side.SELL)


def skewed(desk: Callable[..., Any], **given: Any) -> Any:
    """A desk around 100 with spreads of 1 %, a cap of 10 and a centre that moves by 0.5 % at the most."""
    plain = {
        "when_in_position": "continue",
        "inventory_skew": "1",
        "inventory_skew_distance": "0.005",
        "skew_may_close_at_loss": True,
        "position_cap": Decimal(10),
        "filled_order_delay": 0.0,
    }

    return desk(**{**plain, **given})


def test_the_centre_moves_against_the_net_position(desk: Any, ticks: Ticks) -> None:
    """Centre = reference x (1 - skew x distance x clamp(net / cap, -1, 1)), and the ladder is laid around it."""
    for amount, strength, bid, ask in [
        ("0", "1", 9900, 10100),
        ("10", "1", 9850, 10050),  # 99.5 x 0.99 = 98.505, 99.5 x 1.01 = 100.495: both away from the market
        ("-10", "1", 9949, 10151),
        ("25", "1", 9850, 10050),  # no further than at the cap
        ("5", "1", 9875, 10075),
        ("5", "0.5", 9887, 10088),
    ]:
        wanted = skewed(desk, positions=make_position(amount), inventory_skew=strength).decide()

        assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([bid], [ask])


def test_every_level_hangs_on_the_same_centre(desk: Any, ticks: Ticks) -> None:
    """Centre 99.5, levels at 1 and 2 %."""
    wanted = skewed(desk, positions=make_position("10"), order_levels=2, order_level_spread="0.01").decide()

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9850, 9751], [10050, 10149])


def test_the_distance_is_the_wider_spread_where_none_is_given(desk: Any, ticks: Ticks) -> None:
    """At the cap and full skew the closing quote then comes to the reference."""
    wanted = skewed(
        desk, positions=make_position("10"), inventory_skew_distance=None, ask_spread="0.02", bid_spread="0.01"
    ).decide()

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9702], [10000])


def test_no_quote_comes_nearer_than_the_maker_fee_or_minimum_spread(desk: Any, ticks: Ticks) -> None:
    """The larger of both holds it, level by level; the reason says which. A rebate lets none cross the reference."""
    for fee, minimum, ask, named in [
        ("0.0002", None, 10002, "maker fee"),
        ("0.0002", "0.0001", 10002, "maker fee"),
        ("0.0002", "0.003", 10030, "minimum_spread"),
        ("-0.0001", None, 10000, "maker fee"),
    ]:
        wanted = skewed(
            desk,
            instrument=make_instrument(maker_fee=Decimal(fee)),
            minimum_spread=minimum,
            positions=make_position("10"),
            inventory_skew_distance="0.02",
            book=ScriptedBook(bids=((9990, 1),), asks=((10010, 1),)),
            order_levels=2,
            order_level_spread="0.04",
        ).decide()
        held = next(quote for quote in wanted.quotes if quote.slot == ASK)

        assert ticks(wanted, Side.SELL) == [ask, 10290]  # 98 x 1.01 is below the reference, 98 x 1.05 is not
        assert named in held.reasons[-2].text
        assert ticks(wanted, Side.BUY) == [9702, 9310]


def test_the_chain_says_how_far_the_centre_is_and_for_what(desk: Any) -> None:
    """`why` shows it between the spread and the rounding; flat, there is nothing to say."""
    long = skewed(desk, positions=make_position("2.5")).decide()
    said = [reason for reason in long.quotes[0].reasons if reason.rule is Rule.SKEW]

    assert [reason.text for reason in said] == [
        "long 2.5 of 10 BTC: the ladder's centre is 0.125 % below the reference"
    ]
    assert said[0].value == Decimal("-0.00125")
    flat = skewed(desk).decide()
    assert not any(reason.rule is Rule.SKEW for reason in flat.quotes[0].reasons)


def test_the_skew_brings_no_closing_quote_beyond_the_entry_price_unless_allowed(desk: Any, ticks: Ticks) -> None:
    """With it the ask would be at 100.50, without at 101: at the entry between both, and never further away."""
    for amount, entry, side, closing in [
        ("10", "100.2", Side.SELL, 10050),  # it loses nothing
        ("10", "100.50", Side.SELL, 10050),
        ("10", "100.605", Side.SELL, 10061),  # the entry price, rounded away
        ("10", "105", Side.SELL, 10100),  # as without skew
        ("-10", "99.8", Side.BUY, 9949),
        ("-10", "99.395", Side.BUY, 9939),
        ("-10", "95", Side.BUY, 9900),
    ]:
        given = {"positions": make_position(amount, entry), "skew_may_close_at_loss": False}
        wanted = skewed(desk, **given).decide()
        adding = 9850 if side is Side.SELL else 10151

        assert (ticks(wanted, side), ticks(wanted, side.opposite)) == ([closing], [adding])
        held = [one.value for one in wanted.quotes[side is Side.SELL].reasons if "would realise a loss" in one.text]
        assert held == ([] if closing in {10050, 9949} else [Decimal(entry)])

        free = skewed(desk, **{**given, "skew_may_close_at_loss": True}).decide()
        assert ticks(free, side) == [10050 if side is Side.SELL else 9949]


def test_each_closing_level_is_held_back_by_itself(desk: Any, ticks: Ticks) -> None:
    """Level 1 would be beyond the entry price, level 2 is not."""
    given = {"order_levels": 2, "order_level_spread": "0.01", "skew_may_close_at_loss": False}
    wanted = skewed(desk, positions=make_position("10", "100.9"), **given).decide()

    assert ticks(wanted, Side.SELL) == [10090, 10149]


def test_an_entry_price_that_passes_a_closing_quote_lays_the_ladder_anew(desk: Any, ticks: Ticks) -> None:
    """The ask at 100.75 lost nothing when it was laid; a person's purchase, of under 5 % of the cap, changes that."""
    trading = skewed(desk, skew_may_close_at_loss=False)
    first = trading.decide(positions=make_position("5", "100"))
    wanted = trading.decide(after=1.0, positions=make_position("5.3", "100.8"))

    assert ticks(first, Side.SELL) == [10075]
    assert ticks(wanted, Side.SELL) == [10080]
    assert ticks(trading.decide(after=1.0, positions=make_position("5.4", "100.7")), Side.SELL) == [10080]


def test_a_quote_that_stands_where_it_would_without_skew_stays(desk: Any, ticks: Ticks) -> None:
    """A purchase above the market makes it a losing one, as it would be without skew: nothing is sent for that."""
    trading = skewed(desk, skew_may_close_at_loss=False)
    trading.decide()
    wanted = trading.decide(after=1.0, positions=make_position("0.4", "105"))

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9900], [10100])


def test_top_brings_no_closing_quote_beyond_the_entry_price_either(desk: Any, ticks: Ticks) -> None:
    """Level 1 would go to half of its spread from the centre; the entry price is further away."""
    given = {
        "order_optimization_enabled": True,
        "order_optimization_mode": "top",
        "book": ScriptedBook(bids=((9999, 1),), asks=((10001, 1),)),
        "positions": make_position("10", "100.3"),
    }

    assert ticks(skewed(desk, **given).decide(), Side.SELL) == [10000]
    assert ticks(skewed(desk, **given, skew_may_close_at_loss=False).decide(), Side.SELL) == [10030]


def test_the_ladder_is_laid_anew_when_the_net_position_has_moved_by_a_twentieth_of_the_cap(
    desk: Any, ticks: Ticks
) -> None:
    """At 4.9 % nothing moves, at 5 % all quotes do, before their refresh; the refresh keeps its own times."""
    trading = skewed(desk)
    first = trading.decide()
    still = trading.decide(after=10.0, positions=make_position("0.49"))
    moved = trading.decide(after=1.0, positions=make_position("0.5"))

    assert still.quotes == first.quotes
    assert (ticks(moved, Side.BUY), ticks(moved, Side.SELL)) == ([9897], [10098])
    assert trading.memory.cycles[Side.BUY].due_at(30.0) == 1030.0


def test_a_calm_market_makes_no_requotes_for_it(desk: Any) -> None:
    """Over refreshes too: what moves by less than 5 % of the cap moves no quote."""
    trading = skewed(desk, positions=make_position("3"))
    first = trading.decide()

    for held in ("3.2", "2.9", "3.4", "2.6", "3.49"):
        assert [(one.slot, one.ticks) for one in trading.decide(after=30.0, positions=make_position(held)).quotes] == [
            (one.slot, one.ticks) for one in first.quotes
        ]
        assert all(order.order.generation == 1 for order in trading.orders.values())


def test_a_due_look_waits_for_the_filled_delay(desk: Any, ticks: Ticks) -> None:
    """Rule 9 goes before it: nothing new during the delay, all of it after."""
    trading = skewed(desk, filled_order_delay=60.0)
    trading.decide()
    paused = trading.decide(after=1.0, positions=make_position("5"), quote_filled_at={Side.BUY: 1001.0})
    assert ticks(paused, Side.SELL) == [10100]

    after = trading.decide(after=60.0)
    assert (ticks(after, Side.BUY), ticks(after, Side.SELL)) == ([9875], [10075])


def test_in_hedge_mode_the_net_of_both_positions_counts_and_quotes_close_nothing(desk: Any, ticks: Ticks) -> None:
    """Long 8 and short 3 of a cap of 10 are a net of 5; no quote is withheld for a loss."""
    positions = {
        PositionSide.LONG: Position(side=PositionSide.LONG, amount=Decimal(8), entry=Decimal(150)),
        PositionSide.SHORT: Position(side=PositionSide.SHORT, amount=Decimal(-3), entry=Decimal(50)),
    }
    wanted = skewed(desk, positions=positions, position_mode=PositionMode.HEDGE, skew_may_close_at_loss=False).decide()

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9875], [10075])


def test_top_goes_as_far_as_half_of_the_spread_from_the_skewed_centre(desk: Any, ticks: Ticks) -> None:
    """Half of 1 % from 99.7, and from 99.5, where that would be nearer to the reference than it may be."""
    for distance, bid, ask in [("0.003", 9920, 10020), ("0.005", 9900, 10000)]:
        given = {"order_optimization_enabled": True, "order_optimization_mode": "top"}
        wanted = skewed(desk, positions=make_position("10"), inventory_skew_distance=distance, **given).decide()

        assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([bid], [ask])
