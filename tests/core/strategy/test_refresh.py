from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.working_order import WorkingOrder
from perpmaker.strategy.refresh import Target, Tolerance, arrange, match
from perpmaker.testing.view import make_order


def bids(*ticks: int, lots: int = 10) -> list[WorkingOrder]:
    """Resting bids, one a slot."""
    return [make_order(Slot(OrderKind.QUOTE, Side.BUY, level), one, lots) for level, one in enumerate(ticks)]


def targets(*ticks: int, lots: int = 10) -> list[Target]:
    """New bids, one a level."""
    return [Target(level, one, lots) for level, one in enumerate(ticks)]


def kept(orders: list[WorkingOrder], wanted: list[Target], tolerance: str = "0") -> dict[int, int]:
    """Level -> price of the resting order that stays for it."""
    rule = Tolerance(Decimal(tolerance))
    found = match(Side.BUY, [rule.look_at(order) for order in orders], wanted)

    return {level: order.order.ticks or 0 for level, order in found.items()}


def test_right_within_tolerance_of_the_old_price() -> None:
    """|new - old| / old <= tolerance stays; a negative tolerance keeps nothing."""
    for tolerance, old, new, right in [
        ("0", 10000, 10000, True),
        ("0", 10000, 10001, False),
        ("0.001", 10000, 10010, True),
        ("0.001", 10000, 10011, False),
        ("0.001", 10000, 9990, True),
        ("0.001", 10000, 9989, False),
        ("-0.001", 10000, 10000, False),
    ]:
        assert Tolerance(Decimal(tolerance)).look_at(bids(old)[0]).is_right(Target(0, new, 10)) is right


def test_the_original_amount_counts() -> None:
    """A partly filled order is compared by what it was placed with; a changed amount replaces it."""
    order = make_order(Slot(OrderKind.QUOTE, Side.BUY), 10000, 10, filled_lots=7)

    assert Tolerance(Decimal(0)).look_at(order).is_right(Target(0, 10000, 10))
    assert not Tolerance(Decimal(0)).look_at(order).is_right(Target(0, 10000, 3))


def test_orders_are_compared_sorted_by_price() -> None:
    """Which slot an order has does not matter, only its place from the market outward."""
    assert kept(bids(98, 99), targets(99, 98)) == {0: 99, 1: 98}


def test_a_ladder_that_moved_by_a_whole_level_keeps_the_orders_at_its_new_prices() -> None:
    """The set difference: what stands at a new price stays, and only the rest is placed."""
    assert kept(bids(99, 98, 97), targets(98, 97, 96)) == {0: 98, 1: 97}


def test_missing_orders_leave_their_levels_to_be_placed() -> None:
    """With fewer orders than levels each order stays for the level it is right for."""
    assert kept(bids(97), targets(99, 98, 97)) == {2: 97}


def test_a_level_whose_order_moved_takes_a_free_slot() -> None:
    """Kept orders keep their slots; the others take their own number where it is free."""
    assert arrange((0, 1, 2), {1: 0, 2: 1}) == (2, 0, 1)
    assert arrange((0, 1, 2), {}) == (0, 1, 2)
    assert arrange((2, 0, 1), {0: 2}) == (2, 1, 0)


@given(
    old=st.lists(st.tuples(st.integers(9000, 9100), st.sampled_from([9, 10])), max_size=6),
    new=st.lists(st.tuples(st.integers(9000, 9100), st.sampled_from([9, 10])), max_size=6),
    tolerance=st.sampled_from(["-0.001", "0", "0.001", "0.005", "3"]),
    side=st.sampled_from(Side),
)
def test_each_order_is_kept_at_most_once_and_only_where_right(
    old: list[tuple[int, int]], new: list[tuple[int, int]], tolerance: str, side: Side
) -> None:
    """A match is one to one, right everywhere, and leaves no right pair unmatched."""
    rule = Tolerance(Decimal(tolerance))
    orders = [
        rule.look_at(make_order(Slot(OrderKind.QUOTE, side, level), ticks, lots))
        for level, (ticks, lots) in enumerate(old)
    ]
    wanted = [Target(level, ticks, lots) for level, (ticks, lots) in enumerate(new)]
    found = match(side, orders, wanted)
    by_id = {one.order.client_id: one for one in orders}
    ids = [order.client_id for order in found.values()]

    assert len(ids) == len(set(ids))
    assert all(by_id[order.client_id].is_right(wanted[level]) for level, order in found.items())
    assert not any(
        one.is_right(target)
        for one in orders
        for target in wanted
        if one.order.client_id not in ids and target.level not in found
    )


@given(data=st.data(), size=st.integers(1, 6))
def test_every_level_has_exactly_one_slot(data: st.DataObject, size: int) -> None:
    """However much is fixed, the arrangement is a permutation that honours it."""
    slots = data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=size))
    levels = data.draw(st.permutations(range(size)))
    fixed = dict(zip(slots, levels, strict=False))
    arranged = arrange(tuple(range(size)), fixed)

    assert sorted(arranged) == list(range(size))
    assert all(arranged[slot] == level for slot, level in fixed.items())
