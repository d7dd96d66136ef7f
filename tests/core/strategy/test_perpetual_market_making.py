"""Reference, filters, no taking, budget, and the decision as a whole, by the numbered rules."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perpmaker.model.instrument import OrderMargin
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.quote import Rule, Wanted
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import End
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


def test_a_bad_reference_pulls_resting_quotes_at_once(desk: Any) -> None:
    """Stale, lost or one-sided: no quotes, and every level says why."""
    for view in [{"book_ok": False}, {"book_age_s": 10.0}, {"bid": None, "ask": 10001}, {"bid": 9999, "ask": None}]:
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 2)
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
