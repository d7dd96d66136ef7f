"""Who may quote: band, filled delay, open positions, modes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.quote import Rule, Wanted
from perpmaker.state.view import End, Mode
from perpmaker.testing.view import make_position

Ticks = Callable[[Wanted, Side], list[int]]
Rules = Callable[[Wanted], set[Rule]]

BID = Slot(OrderKind.QUOTE, Side.BUY)
ASK = Slot(OrderKind.QUOTE, Side.SELL)
HEDGE_BID = Slot(OrderKind.QUOTE, Side.BUY, 0, PositionSide.LONG)
HEDGE_ASK = Slot(OrderKind.QUOTE, Side.SELL, 0, PositionSide.SHORT)


# --- 3. price band -------------------------------------------------------------------------------------------------


def test_reference_at_or_beyond_the_band_stops_a_side(desk: Any) -> None:
    """At or above the ceiling there are no bids, at or below the floor no asks."""
    for band, sides in [
        ({"price_ceiling": "100"}, {Side.SELL}),
        ({"price_ceiling": "100.01"}, {Side.BUY, Side.SELL}),
        ({"price_floor": "100"}, {Side.BUY}),
        ({"price_floor": "99.99"}, {Side.BUY, Side.SELL}),
    ]:
        assert {quote.slot.side for quote in desk(**band).decide().quotes} == sides


def test_the_band_acts_at_once_and_lets_quotes_back_after_a_second(desk: Any, ticks: Ticks) -> None:
    """The band does not wait for the refresh; what it took off comes back after a second inside without a break."""
    trading = desk(price_ceiling="100.05")
    trading.decide()

    assert ticks(trading.decide(after=1.0, bid=10004, ask=10006), Side.BUY) == []
    assert ticks(trading.wanted, Side.SELL) == [10100]
    assert ticks(trading.decide(after=1.0, bid=9999, ask=10001), Side.BUY) == []
    assert ticks(trading.decide(after=0.9, bid=10004, ask=10006), Side.BUY) == []
    assert ticks(trading.decide(after=0.1, bid=9999, ask=10001), Side.BUY) == []
    assert ticks(trading.decide(after=0.9), Side.BUY) == []
    assert ticks(trading.decide(after=0.1), Side.BUY) == [9900]


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


def test_only_in_run_are_there_quotes(desk: Any) -> None:
    """Every other mode pulls all quotes and says which mode it is."""
    for mode in [mode for mode in Mode if mode is not Mode.RUN]:
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
