"""What becomes of resting orders: minimum spread, refresh, vanished levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perpmaker.model.order import OrderKind, OrderStatus, PositionSide, Side, Slot
from perpmaker.model.quote import Rule, Wanted
from perpmaker.state.view import End
from perpmaker.testing.view import make_order

Ticks = Callable[[Wanted, Side], list[int]]
Rules = Callable[[Wanted], set[Rule]]

BID = Slot(OrderKind.QUOTE, Side.BUY)
ASK = Slot(OrderKind.QUOTE, Side.SELL)
HEDGE_BID = Slot(OrderKind.QUOTE, Side.BUY, 0, PositionSide.LONG)
HEDGE_ASK = Slot(OrderKind.QUOTE, Side.SELL, 0, PositionSide.SHORT)


# --- 7. minimum spread ---------------------------------------------------------------------------------------------


def test_a_quote_the_market_came_too_near_to_is_replaced_a_second_later(desk: Any, ticks: Ticks) -> None:
    """Nearer than minimum_spread: gone at once, wanted at its new price a second later; the other side stays."""
    trading = desk(minimum_spread="0.005")
    first = trading.decide()
    wanted = trading.decide(after=1.0, bid=9948, ask=9950)  # 99.49 x 0.995 = 98.99: the bid at 99.00 is too near

    assert ticks(wanted, Side.BUY) == []
    assert ticks(trading.decide(after=0.9), Side.BUY) == []
    wanted = trading.decide(after=0.1)
    assert ticks(wanted, Side.BUY) == [9849]
    assert wanted.quotes[0].generation > first.quotes[0].generation
    assert wanted.quotes[1] == first.quotes[1]


def test_minimum_spread_off_lets_quotes_rest(desk: Any, ticks: Ticks) -> None:
    """Without minimum_spread a quote rests until the refresh however near the market comes."""
    trading = desk()
    trading.decide()

    assert ticks(trading.decide(after=1.0, bid=9901, ask=9903), Side.BUY) == [9900]


# --- 8. refresh ----------------------------------------------------------------------------------------------------


def test_between_refreshes_exactly_the_resting_orders_are_wanted(desk: Any) -> None:
    """Whatever the market does, what rests stays: price, amount, generation and reasons."""
    trading = desk(order_levels=3)
    first = trading.decide()

    assert trading.decide(after=29.9, bid=9899, ask=9901).quotes == first.quotes


def test_timers_do_not_drift(desk: Any) -> None:
    """Refreshes are due at t0 + k x order_refresh_time, however late each one was looked at."""
    trading = desk()
    trading.decide()
    due = []

    for late in (30.7, 29.8, 30.1):
        trading.decide(after=late)
        due.append(trading.memory.cycles[Side.BUY].due_at(30.0))

    assert due == [1060.0, 1090.0, 1120.0]


def test_a_missed_refresh_is_not_made_up_for(desk: Any) -> None:
    """After a long pause of the loop there is one refresh, and the next is on the grid."""
    trading = desk()
    trading.decide()
    trading.decide(after=100.0)

    assert trading.memory.cycles[Side.BUY].due_at(30.0) == 1120.0


def test_right_orders_stay_and_the_others_are_replaced(desk: Any, ticks: Ticks) -> None:
    """Within the tolerance an order keeps price and generation, beyond it gets the new ones."""
    trading = desk(order_refresh_tolerance_pct="0.001")
    first = trading.decide()
    near = trading.decide(after=30.0, bid=10008, ask=10010)  # 99.0891 is within 0.1 % of 99.00; 101.0909 of 101.00
    far = trading.decide(after=30.0, bid=10018, ask=10020)

    assert [(quote.ticks, quote.generation) for quote in near.quotes] == [
        (quote.ticks, quote.generation) for quote in first.quotes
    ]
    assert near.quotes[0].reasons[-1].rule is Rule.TOLERANCE
    assert ticks(far, Side.BUY) == [9918]
    assert far.quotes[0].generation > first.quotes[0].generation


def test_a_partly_filled_quote_counts_with_its_original_amount(desk: Any) -> None:
    """A partial fill alone never replaces an order."""
    trading = desk()
    first = trading.decide()
    trading.mark(BID, filled_lots=400)

    assert [quote.generation for quote in trading.decide(after=30.0).quotes] == [first.quotes[0].generation] * 2


def test_a_changed_amount_is_applied_at_the_next_refresh(desk: Any) -> None:
    """A new order_amount replaces orders also when prices hold, and not before the refresh."""
    old, new = desk(), desk(order_amount="2")
    old.decide()
    new.orders, new.memory = old.orders, old.memory

    assert {quote.lots for quote in new.decide(after=1.0).quotes} == {1000}
    assert {quote.lots for quote in new.decide(after=29.0).quotes} == {2000}


def test_a_negative_tolerance_replaces_every_order(desk: Any, ticks: Ticks) -> None:
    """Even at the same price the order is a new one."""
    trading = desk(order_refresh_tolerance_pct="-0.01")
    first = trading.decide()
    second = trading.decide(after=30.0)

    assert ticks(first, Side.BUY) == ticks(second, Side.BUY)
    assert {quote.generation for quote in second.quotes} == {first.quotes[0].generation + 1}


def test_an_order_in_flight_is_wanted_as_it_is(desk: Any) -> None:
    """A refresh leaves a slot alone whose order is on its way to or from the venue."""
    for status in [OrderStatus.PENDING, OrderStatus.CANCELLING, OrderStatus.UNKNOWN]:
        trading = desk()
        first = trading.decide()
        trading.mark(BID, status=status)
        wanted = trading.decide(after=30.0, bid=9899, ask=9901)

        assert wanted.quotes[0] == first.quotes[0]
        assert wanted.quotes[1].generation > first.quotes[1].generation


def test_a_ladder_that_moved_by_a_whole_level_keeps_what_stands_right(desk: Any, ticks: Ticks) -> None:
    """Orders at a new price of the ladder keep their place in the queue, whichever slot they have."""
    trading = desk(order_levels=3, order_level_spread="0.01", price_type="last_price", last_trade=10000)
    trading.decide()  # 9900, 9800, 9700
    tick_up = trading.decide(after=30.0, last_trade=10000)
    trading.orders[BID] = make_order(BID, 9950, 1000, generation=1)
    moved = trading.decide(after=30.0)

    assert ticks(tick_up, Side.BUY) == [9900, 9800, 9700]
    assert ticks(moved, Side.BUY) == [9900, 9800, 9700]
    assert [quote.generation for quote in moved.quotes][1:3] == [1, 1]


def test_adopted_orders_are_kept_where_they_are_right(desk: Any) -> None:
    """After a restart orders that rest and are right stay; nothing is remembered of them but what the venue says."""
    trading = desk()
    trading.orders = {BID: make_order(BID, 9900, 1000, generation=7), ASK: make_order(ASK, 10200, 1000, generation=7)}
    wanted = trading.decide()

    assert [(quote.ticks, quote.generation) for quote in wanted.quotes] == [(9900, 7), (10100, 8)]


# --- 10. vanished levels -------------------------------------------------------------------------------------------


def test_a_level_that_the_venue_cancelled_is_placed_again_at_once_then_ever_later(desk: Any) -> None:
    """At once, then after 1, 2, 4, 8, 16, 30 s: never more than 6 in a minute."""
    trading = desk(order_refresh_time=1000.0)
    trading.decide()
    waits = []

    for _ in range(8):
        trading.end(BID, End.VENUE)
        waited = 0.0

        while BID not in {quote.slot for quote in trading.decide().quotes}:
            trading.set(book_age_s=0.0)
            waited += 1.0
            trading.fields["now"] = trading.now + 1.0

        waits.append(waited)

    assert waits == [0, 1, 2, 4, 8, 16, 30, 30]


def test_an_unexplained_end_pauses_that_level_for_one_refresh_time(desk: Any, ticks: Ticks) -> None:
    """A cancel that nobody explains counts as a person's wish; the other levels go on."""
    trading = desk(order_levels=2)
    trading.decide()
    trading.decide(after=10.0)
    trading.end(BID, End.UNEXPLAINED)

    assert ticks(trading.decide(after=20.0, bid=9899, ask=9901), Side.BUY) == [9702]
    assert [withheld.reasons[-1].rule for withheld in trading.wanted.withheld] == [Rule.VANISHED]
    assert ticks(trading.decide(after=10.0), Side.BUY) == [9801, 9702]
