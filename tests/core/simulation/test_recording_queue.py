"""The place of an order in a queue that others make, against a second opinion."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import Side
from perpmaker.simulation.book import BookSide, Resting

TICKS = 1_000
LOTS = st.integers(0, 30)


def queue(shown: int, *lots: int) -> tuple[BookSide, list[Resting]]:
    """So many lots of others, and orders of ours behind them."""
    side = BookSide(Side.BUY)
    side.set_crowd([(TICKS, shown), (TICKS - 1, 5)])
    orders = [
        Resting(order_id=number, account="a", ticks=TICKS, lots=amount, ahead=0) for number, amount in enumerate(lots)
    ]

    for order in orders:
        side.add(order)

    return side, orders


def trade(side: BookSide, lots: int, *, late: bool = False, ticks: int = TICKS) -> list[tuple[int, int]]:
    """A trade is seen; (order, lots) of the fills."""
    fills = []

    for resting, filled in side.pass_trade(ticks, lots, late=late):
        side.reduce(resting, filled)
        fills.append((resting.order_id, filled))

    return fills


@given(LOTS, st.integers(1, 9), st.lists(st.tuples(st.booleans(), LOTS), max_size=8))
def test_order_is_where_counting_by_hand_puts_it(shown: int, lots: int, moves: list[tuple[bool, int]]) -> None:
    """It moves forward by trades alone, or because so little is left that it cannot stand further back."""
    side, _ = queue(shown, lots)
    ahead, left = shown, lots

    for is_trade, amount in moves:
        if is_trade:
            filled = min(max(amount - ahead, 0), left)
            assert trade(side, amount) == ([(0, filled)] if filled else [])
            ahead, left = max(ahead - amount, 0), left - filled
        else:
            side.change_crowd([(TICKS, amount)])
            ahead = min(ahead, amount)
            assert side.lots_at(TICKS) == amount + left


@given(LOTS, st.integers(1, 9), LOTS, LOTS, LOTS)
def test_trade_that_is_told_late_counts_as_if_it_had_been_told_in_time(
    shown: int, lots: int, traded: int, after: int, then: int
) -> None:
    """Book first and trade first put the order in the same place, for the next trade too."""
    in_time, _ = queue(shown, lots)
    fills = trade(in_time, traded)
    in_time.change_crowd([(TICKS, after)])

    late, _ = queue(shown, lots)
    late.change_crowd([(TICKS, after)])
    assert trade(late, traded, late=True) == fills
    assert late.lots_at(TICKS) == in_time.lots_at(TICKS)
    assert trade(late, then) == trade(in_time, then)


@given(LOTS, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.lists(LOTS, max_size=6), st.booleans())
def test_no_trade_fills_more_than_was_traded_nor_out_of_turn(
    shown: int, lots: list[int], trades: list[int], late: bool
) -> None:
    """Orders are filled in turn, together with no more than a trade has left after the queue before them."""
    side, _ = queue(shown, *lots)
    filled = [0] * len(lots)
    total = 0

    for amount in trades:
        fills = trade(side, amount, late=late)
        total += amount
        assert sum(part for _, part in fills) <= amount

        for number, part in fills:
            filled[number] += part

    assert sum(filled) == min(max(total - shown, 0), sum(lots))
    assert all(filled[number] == lots[number] for number in range(len(lots)) if any(filled[number + 1 :]))


@given(LOTS, st.integers(1, 9), st.integers(1, 30))
def test_trade_at_a_worse_price_fills_whatever_stands_before(shown: int, lots: int, traded: int) -> None:
    """Up to its own amount; nothing is left of the crowd there until a difference shows it again."""
    side, _ = queue(shown, lots)
    filled = min(lots, traded)
    assert trade(side, traded, ticks=TICKS - 1) == [(0, filled)]
    assert side.lots_at(TICKS) == lots - filled
    assert side.lots_at(TICKS - 1) == max(5 - (traded - filled), 0)
    side.change_crowd([])
    assert (side.lots_at(TICKS), side.lots_at(TICKS - 1)) == (shown + lots - filled, 5)
