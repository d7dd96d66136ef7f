"""One test, or a few, per numbered rule of the specification of one decision."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perpmaker.model.instrument import OrderMargin
from perpmaker.model.order import OrderKind, OrderStatus, PositionMode, PositionSide, Side, Slot, WorkingOrder
from perpmaker.model.quote import Rule, Wanted
from perpmaker.state.view import End, Mode
from perpmaker.strategy.memory import Memory
from perpmaker.testing.view import make_book, make_instrument, make_order, make_position

Ticks = Callable[[Wanted, Side], list[int]]
Rules = Callable[[Wanted], set[Rule]]

BID = Slot(OrderKind.QUOTE, Side.BUY)
ASK = Slot(OrderKind.QUOTE, Side.SELL)
HEDGE_BID = Slot(OrderKind.QUOTE, Side.BUY, 0, PositionSide.LONG)
HEDGE_ASK = Slot(OrderKind.QUOTE, Side.SELL, 0, PositionSide.SHORT)


# --- 1. reference --------------------------------------------------------------------------------------------------


def test_quotes_stand_around_the_reference(desk: Any, ticks: Ticks) -> None:
    """With a good reference both sides are quoted at their spreads, at once after the start."""
    wanted = desk().decide()

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9900], [10100])
    assert wanted.withheld == ()


@pytest.mark.parametrize(
    "view", [{"book_ok": False}, {"book_age_s": 10.0}, {"bid": None, "ask": 10001}, {"bid": 9999, "ask": None}]
)
def test_a_bad_reference_pulls_resting_quotes_at_once(desk: Any, view: dict[str, Any]) -> None:
    """Stale, lost or one-sided: no quotes, and every level says why."""
    trading = desk()
    trading.decide()
    wanted = trading.decide(after=0.1, **view)

    assert wanted.quotes == ()
    assert {withheld.reasons[-1].rule for withheld in wanted.withheld} <= {Rule.STALE, Rule.REFERENCE}
    assert len(wanted.withheld) == 2


def test_quotes_return_when_the_reference_has_been_good_for_a_second(desk: Any, ticks: Ticks) -> None:
    """A reference that comes back is waited with for one second."""
    trading = desk()
    trading.decide()
    trading.decide(after=5.0, book_ok=False)

    assert trading.decide(after=1.0, book_ok=True).quotes == ()
    assert trading.decide(after=0.9).quotes == ()
    assert trading.wanted.wake.at == pytest.approx(trading.now + 0.1)
    assert ticks(trading.decide(after=0.1), Side.BUY) == [9900]


def test_a_reference_that_fails_again_while_recovering_waits_again(desk: Any) -> None:
    """The second of good reference must be whole."""
    trading = desk()
    trading.decide()
    trading.decide(after=1.0, book_ok=False)
    trading.decide(after=1.0, book_ok=True)
    trading.decide(after=0.5, book_ok=False)
    trading.decide(after=0.1, book_ok=True)

    assert trading.decide(after=0.9).quotes == ()
    assert len(trading.decide(after=0.1).quotes) == 2


# --- 2. ladder and the market's filters ----------------------------------------------------------------------------


def test_a_level_below_the_markets_minimum_is_withheld_with_that_reason(desk: Any) -> None:
    """What the market would refuse is not sent, and says why; the other levels stand."""
    wanted = desk(
        order_amount="0.04",
        order_levels=2,
        order_level_amount="0.02",
        instrument=make_instrument(min_notional=Decimal(5)),
    ).decide()

    assert [quote.slot.level for quote in wanted.quotes] == [1, 1]
    assert [withheld.reasons[-1].rule for withheld in wanted.withheld] == [Rule.MIN_NOTIONAL] * 2


def test_a_level_whose_amount_shrinks_to_nothing_is_withheld(desk: Any) -> None:
    """A negative order_level_amount may leave outer levels without an amount."""
    wanted = desk(order_amount="1", order_levels=3, order_level_amount="-0.5").decide()

    assert [quote.lots for quote in wanted.quotes] == [1000, 500, 1000, 500]
    assert {withheld.slot.level for withheld in wanted.withheld} == {2}


def test_a_level_withheld_by_a_filter_is_looked_at_again_at_the_refresh(desk: Any) -> None:
    """Between refreshes a level that the filters withheld keeps its reason; nothing is computed again."""
    trading = desk(order_amount="0.05", instrument=make_instrument(min_notional=Decimal(5)))
    first = trading.decide()  # the bid of 0.05 at 99 is worth 4.95
    later = trading.decide(after=10.0, bid=10199, ask=10201)

    assert [withheld.slot for withheld in first.withheld] == [BID]
    assert later.withheld == first.withheld
    assert trading.decide(after=20.0).withheld == ()


# --- 3. price band -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("band", "sides"),
    [
        ({"price_ceiling": "100"}, {Side.SELL}),
        ({"price_ceiling": "100.01"}, {Side.BUY, Side.SELL}),
        ({"price_floor": "100"}, {Side.BUY}),
        ({"price_floor": "99.99"}, {Side.BUY, Side.SELL}),
    ],
)
def test_reference_at_or_beyond_the_band_stops_a_side(desk: Any, band: dict[str, str], sides: set[Side]) -> None:
    """At or above the ceiling there are no bids, at or below the floor no asks."""
    assert {quote.slot.side for quote in desk(**band).decide().quotes} == sides


def test_the_band_acts_at_once_and_lets_quotes_back_at_once(desk: Any, ticks: Ticks) -> None:
    """The band does not wait for the refresh, in neither direction."""
    trading = desk(price_ceiling="100.05")
    trading.decide()

    assert ticks(trading.decide(after=1.0, bid=10004, ask=10006), Side.BUY) == []
    assert ticks(trading.wanted, Side.SELL) == [10100]
    assert ticks(trading.decide(after=1.0, bid=9999, ask=10001), Side.BUY) == [9900]


# --- 5. no taking --------------------------------------------------------------------------------------------------


def test_a_quote_at_or_through_the_opposite_best_is_withheld_until_the_market_moves(desk: Any, ticks: Ticks) -> None:
    """Quotes priced from elsewhere may lie through the traded book: withheld, and placed as soon as they fit."""
    trading = desk(price_type="last_price", last_trade=10500)
    wanted = trading.decide()  # the bid would stand at 103.95, the best ask is 100.01

    assert ticks(wanted, Side.BUY) == []
    assert wanted.withheld[0].reasons[-1].rule is Rule.NO_TAKING
    assert not wanted.wake.holds(trading.now, bid=9999, ask=10002, trade=10500)
    assert ticks(trading.decide(after=1.0, bid=10390, ask=10400), Side.BUY) == [10395]


def test_a_new_quote_never_meets_an_order_of_our_own(desk: Any, ticks: Ticks) -> None:
    """A new ask waits while our own bid still rests at or above it."""
    trading = desk(bid=8999, ask=9001)
    trading.orders = {BID: make_order(BID, 9200, 1000)}
    wanted = trading.look()

    assert ticks(wanted, Side.SELL) == []
    assert ticks(wanted, Side.BUY) == [8910]


# --- 6. budget -----------------------------------------------------------------------------------------------------


def test_a_thin_balance_keeps_both_sides_alive(desk: Any) -> None:
    """Quotes are granted from level 1 outward, the two sides in turn; what does not fit is withheld whole."""
    wanted = desk(order_levels=2, capital=Decimal(300)).decide()  # 99, 101, 98, 102

    assert [(quote.slot.side, quote.slot.level) for quote in wanted.quotes] == [
        (Side.BUY, 0),
        (Side.BUY, 1),
        (Side.SELL, 0),
    ]
    assert [withheld.reasons[-1].rule for withheld in wanted.withheld] == [Rule.BUDGET]


def test_leverage_stretches_the_budget(desk: Any) -> None:
    """Margin is notional / leverage."""
    assert len(desk(capital=Decimal(50), leverage=4).decide().quotes) == 2
    assert len(desk(capital=Decimal(49), leverage=4).decide().quotes) == 1
    assert (
        len(
            desk(capital=Decimal(49), leverage=4, instrument=make_instrument(order_margin=OrderMargin.NONE))
            .decide()
            .quotes
        )
        == 2
    )


def test_orders_about_to_be_replaced_do_not_count(desk: Any, ticks: Ticks) -> None:
    """At a refresh the new quote has the margin of the one that it replaces."""
    trading = desk(capital=Decimal(205))
    trading.decide()

    assert ticks(trading.decide(after=30.0, bid=10099, ask=10101), Side.BUY) == [9999]


def test_nothing_is_quoted_before_the_balance_is_known(desk: Any) -> None:
    """Without a balance there is no budget; quoting begins as soon as it is known."""
    trading = desk(capital=None)

    assert trading.decide().quotes == ()
    assert len(trading.decide(after=0.1, capital=Decimal(1000)).quotes) == 2


# --- 7. minimum spread ---------------------------------------------------------------------------------------------


def test_a_quote_the_market_came_too_near_to_is_replaced_at_once(desk: Any, ticks: Ticks) -> None:
    """Nearer than minimum_spread: gone at once, and wanted at its new ladder price; the other side stays."""
    trading = desk(minimum_spread="0.005")
    first = trading.decide()
    wanted = trading.decide(after=1.0, bid=9948, ask=9950)  # 99.49 x 0.995 = 98.99: the bid at 99.00 is too near

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


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.CANCELLING, OrderStatus.UNKNOWN])
def test_an_order_in_flight_is_wanted_as_it_is(desk: Any, status: OrderStatus) -> None:
    """A refresh leaves a slot alone whose order is on its way to or from the venue."""
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


# --- 9. filled delay -----------------------------------------------------------------------------------------------


def test_a_complete_fill_pauses_both_sides_in_one_way(desk: Any) -> None:
    """Nothing new for filled_order_delay; what rests on the other side stays, and a due refresh waits."""
    trading = desk()
    first = trading.decide()
    trading.end(BID, End.FILLED)
    wanted = trading.decide(after=30.0, bid=9899, ask=9901)

    assert wanted.quotes == (first.quotes[1],)
    assert wanted.withheld[0].reasons[-1].rule is Rule.FILLED_DELAY
    assert wanted.wake.at == pytest.approx(1010.0 + 30.0)  # staleness of the book comes first
    assert len(trading.decide(after=30.0).quotes) == 2


def test_a_refresh_that_waited_begins_a_new_set(desk: Any, ticks: Ticks) -> None:
    """At the end of the delay the refresh happens, and the timer starts again from there."""
    trading = desk(filled_order_delay=50.0)
    trading.decide()
    trading.decide(after=5.0)
    trading.end(BID, End.FILLED)
    trading.decide(after=25.0)
    wanted = trading.decide(after=25.0, bid=9899, ask=9901)

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9801], [9999])
    assert trading.memory.cycles[Side.BUY].due_at(30.0) == trading.now + 30.0


def test_after_a_short_delay_only_the_filled_level_is_placed_again(desk: Any, ticks: Ticks) -> None:
    """A delay that ends before the refresh leaves what rests alone."""
    trading = desk(filled_order_delay=5.0)
    trading.decide()
    trading.end(BID, End.FILLED)
    wanted = trading.decide(after=5.0, bid=9899, ask=9901)

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([9801], [10100])


def test_a_complete_fill_pauses_only_its_side_in_hedge(desk: Any, ticks: Ticks) -> None:
    """In Hedge mode each side has its own delay."""
    trading = desk(position_mode=PositionMode.HEDGE)
    trading.decide()
    trading.end(HEDGE_BID, End.FILLED)
    wanted = trading.decide(after=30.0, bid=9899, ask=9901)

    assert (ticks(wanted, Side.BUY), ticks(wanted, Side.SELL)) == ([], [9999])


def test_a_partial_fill_pauses_nothing(desk: Any, ticks: Ticks) -> None:
    """Only complete fills pause."""
    trading = desk()
    trading.decide()
    trading.mark(BID, filled_lots=999)

    assert ticks(trading.decide(after=30.0, bid=9899, ask=9901), Side.BUY) == [9801]


def test_a_stop_loss_close_starts_the_delay_too(desk: Any) -> None:
    """After a stop nothing new is quoted for filled_order_delay; Hedge: on the stopped side."""
    assert desk(stop_closed_at={PositionSide.NET: 990.0}).decide().quotes == ()
    assert len(desk(stop_closed_at={PositionSide.NET: 940.0}).decide().quotes) == 2
    hedge = desk(position_mode=PositionMode.HEDGE, stop_closed_at={PositionSide.LONG: 990.0}).decide()
    assert [quote.slot for quote in hedge.quotes] == [HEDGE_ASK]


def test_the_minimum_spread_cancels_also_during_the_delay(desk: Any) -> None:
    """During the delay cancels go on, and nothing is placed instead."""
    trading = desk(minimum_spread="0.005")
    trading.decide()
    trading.end(BID, End.FILLED)
    wanted = trading.decide(after=1.0, bid=10058, ask=10060)  # the ask at 101.00 is too near

    assert wanted.quotes == ()
    assert [withheld.reasons[-1].rule for withheld in wanted.withheld] == [Rule.FILLED_DELAY] * 2


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


# --- positions -----------------------------------------------------------------------------------------------------


def test_hold_keeps_the_adding_side_and_cancels_the_closing_side(desk: Any) -> None:
    """In One-way with a long position resting bids stay, resting asks go, nothing new is placed."""
    trading = desk(order_levels=2, filled_order_delay=0.0)
    first = trading.decide()
    trading.end(BID, End.FILLED)
    wanted = trading.decide(after=0.1, positions=make_position("1"))

    assert wanted.quotes == (first.quotes[1],)
    assert {withheld.reasons[-1].rule for withheld in wanted.withheld} == {Rule.HOLD}


def test_hold_does_not_refresh_what_rests(desk: Any) -> None:
    """A due refresh waits until the position is flat."""
    trading = desk(order_levels=2, filled_order_delay=0.0)
    first = trading.decide()
    trading.end(BID, End.FILLED)
    trading.set(positions=make_position("1"))

    assert trading.decide(after=31.0, bid=9899, ask=9901).quotes == (first.quotes[1],)
    assert len(trading.decide(after=1.0, positions={}).quotes) == 4


def test_after_a_position_both_sides_begin_a_new_set_together(desk: Any, ticks: Ticks) -> None:
    """When the position is flat again the ladder is compared as a whole, and both timers start from there."""
    trading = desk(order_levels=2, filled_order_delay=0.0)
    trading.decide()
    trading.end(BID, End.FILLED)
    trading.decide(after=1.0, positions=make_position("1"))
    wanted = trading.decide(after=1.0, positions={}, bid=9899, ask=9901)

    assert ticks(wanted, Side.BUY) == [9801, 9702]
    assert {cycle.due_at(30.0) for cycle in trading.memory.cycles.values()} == {1032.0}


def test_hold_still_obeys_band_and_minimum_spread(desk: Any) -> None:
    """What rests in a position goes when the market comes too near, and is not placed again."""
    trading = desk(order_levels=2, minimum_spread="0.005")
    trading.decide()
    trading.end(BID, End.FILLED)
    trading.set(positions=make_position("1"))

    assert trading.decide(after=1.0, bid=9839, ask=9841).quotes == ()


def test_pause_cancels_every_quote_while_in_a_position(desk: Any) -> None:
    """`pause`: no quotes at all while a position is open, in Hedge none of its side."""
    trading = desk(when_in_position="pause")
    trading.decide()

    assert trading.decide(after=1.0, positions=make_position("-1")).quotes == ()
    hedge = desk(when_in_position="pause", position_mode=PositionMode.HEDGE)
    hedge.decide()
    wanted = hedge.decide(after=1.0, positions=make_position("1", side=PositionSide.LONG))
    assert [quote.slot for quote in wanted.quotes] == [HEDGE_ASK]


def test_continue_goes_on_quoting_both_sides(desk: Any, ticks: Ticks) -> None:
    """`continue`: the refresh cycle goes on as if flat, and reducing quotes need no margin."""
    trading = desk(when_in_position="continue", capital=Decimal(0), positions=make_position("1"))

    assert ticks(trading.decide(), Side.SELL) == [10100]
    assert [withheld.slot for withheld in trading.wanted.withheld] == [BID]


def test_in_hedge_one_side_holds_while_the_other_goes_on(desk: Any, ticks: Ticks) -> None:
    """A long position keeps new bids away and leaves asks alone."""
    trading = desk(position_mode=PositionMode.HEDGE)
    first = trading.decide()
    wanted = trading.decide(after=30.0, bid=9899, ask=9901, positions=make_position("1", side=PositionSide.LONG))

    assert wanted.quotes[0] == first.quotes[0]
    assert ticks(wanted, Side.SELL) == [9999]


def test_dust_is_no_position(desk: Any) -> None:
    """Less than a lot does not stop quoting."""
    assert len(desk(positions=make_position("0.0009")).decide().quotes) == 2


def test_a_fired_stop_forbids_quotes(desk: Any) -> None:
    """While exits forbid it nothing is quoted: One-way nothing at all, Hedge nothing of that position's side."""
    trading = desk()
    trading.decide()
    wanted = trading.decide(after=1.0, no_quotes_for=frozenset({PositionSide.NET}))

    assert wanted.quotes == ()
    assert {withheld.reasons[-1].rule for withheld in wanted.withheld} == {Rule.STOPPED}
    hedge = desk(position_mode=PositionMode.HEDGE, no_quotes_for=frozenset({PositionSide.SHORT})).decide()
    assert [quote.slot for quote in hedge.quotes] == [HEDGE_BID]


# --- modes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.RUN])
def test_only_in_run_are_there_quotes(desk: Any, mode: Mode) -> None:
    """Every other mode pulls all quotes and says which mode it is."""
    trading = desk()
    trading.decide()
    wanted = trading.decide(after=1.0, mode=mode, mode_reason="the stream was lost")

    assert wanted.quotes == ()
    assert "the stream was lost" in wanted.withheld[0].reasons[-1].text


def test_an_unknown_outcome_lets_nothing_new_be_placed(desk: Any) -> None:
    """While an order's outcome is unknown what rests stays, and a due refresh waits."""
    trading = desk()
    first = trading.decide()

    assert trading.decide(after=30.0, bid=9899, ask=9901, blocked=True).quotes == first.quotes
    assert trading.decide(after=1.0, blocked=False).quotes[0].generation > first.quotes[0].generation


# --- the decision as a whole ---------------------------------------------------------------------------------------


def test_the_same_view_gives_the_same_answer(desk: Any) -> None:
    """A decision is pure: nothing outside of the view and the memory in it counts."""
    trading = desk(order_levels=3, minimum_spread="0.005")
    view = trading.view

    assert (
        trading.strategy.decide(view)
        == trading.strategy.decide(view)
        == desk(order_levels=3, minimum_spread="0.005").strategy.decide(view)
    )


def test_every_level_has_a_chain_placed_or_withheld(desk: Any) -> None:
    """Each level is either wanted or withheld, once, and its chain begins at the reference."""
    wanted = desk(order_levels=4, capital=Decimal(350)).decide()
    slots = [quote.slot for quote in wanted.quotes] + [withheld.slot for withheld in wanted.withheld]

    assert len(slots) == len(set(slots)) == 8
    assert all(one.reasons[0].rule is Rule.REFERENCE for one in (*wanted.quotes, *wanted.withheld))


def test_the_markets_new_rules_are_followed(desk: Any) -> None:
    """When the venue changes tick or lot the next quotes are made by the new ones."""
    trading = desk()
    trading.decide()
    trading.orders = {}
    wanted = trading.decide(
        after=30.0, instrument=make_instrument(tick=Decimal("0.1"), lot=Decimal("0.1")), book=make_book(1009, 1011)
    )

    assert [(quote.ticks, quote.lots) for quote in wanted.quotes] == [(999, 10), (1021, 10)]


def test_the_memory_is_a_value(desk: Any) -> None:
    """What is remembered is frozen, and comes back with the next view."""
    memory = desk().decide().memory

    assert isinstance(memory, Memory)
    with pytest.raises(AttributeError):
        memory.generation = 5  # type: ignore[misc]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_invariants_over_a_random_walk(desk: Any, data: st.DataObject) -> None:
    """Whatever happens: no quote takes, meets our own, breaks the budget, or is touched between refreshes."""
    levels = data.draw(st.integers(1, 4))
    capital = Decimal(data.draw(st.integers(0, 1200)))
    trading = desk(
        order_levels=levels,
        bid_spread="0.002",
        ask_spread="0.002",
        order_level_spread="0.001",
        minimum_spread=data.draw(st.sampled_from([None, "0.001"])),
        order_refresh_tolerance_pct=data.draw(st.sampled_from(["0", "0.001", "-0.01"])),
        order_optimization_enabled=data.draw(st.booleans()),
        order_optimization_mode=data.draw(st.sampled_from(["retreat", "top"])),
        filled_order_delay=data.draw(st.sampled_from([0.0, 5.0])),
        capital=capital,
        leverage=2,
    )
    bid = 10000

    for _ in range(data.draw(st.integers(2, 12))):
        bid += data.draw(st.integers(-30, 30))
        before = dict(trading.orders)
        generation = trading.memory.generation if trading.memory else 0
        wanted = trading.decide(
            after=data.draw(st.sampled_from([0.1, 3.0, 9.0, 31.0])),
            bid=bid,
            ask=bid + data.draw(st.integers(1, 20)),
            positions=make_position(data.draw(st.sampled_from(["0", "0", "0", "1", "-1"]))),
        )
        _check_invariants(trading, wanted, before, generation, capital)

        if trading.orders and data.draw(st.booleans()):
            slot = data.draw(st.sampled_from(sorted(trading.orders, key=str)))
            trading.end(slot, data.draw(st.sampled_from([End.FILLED, End.VENUE, End.UNEXPLAINED, End.REQUESTED])))


def _check_invariants(
    trading: Any, wanted: Wanted, before: dict[Slot, WorkingOrder], generation: int, capital: Decimal
) -> None:
    book = trading.view.book
    new = [quote for quote in wanted.quotes if quote.generation > generation]
    kept = [quote for quote in wanted.quotes if quote.generation <= generation]
    bids = [quote.ticks for quote in wanted.quotes if quote.slot.side is Side.BUY]
    asks = [quote.ticks for quote in wanted.quotes if quote.slot.side is Side.SELL]

    assert max(bids, default=0) < min(asks, default=10**9)
    assert all(type(quote.ticks) is int and type(quote.lots) is int for quote in wanted.quotes)
    assert all(
        quote.ticks < book.best_ask if quote.slot.side is Side.BUY else quote.ticks > book.best_bid for quote in new
    )
    assert all(
        (quote.ticks, quote.lots, quote.generation)
        == (before[quote.slot].order.ticks, before[quote.slot].order.lots, before[quote.slot].order.generation)
        for quote in kept
    )
    notional = sum((Decimal(quote.ticks * quote.lots) / 100000 for quote in wanted.quotes), Decimal(0))
    assert notional / 2 <= capital
