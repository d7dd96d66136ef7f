"""`exposure_limit`: what it lets pass, cuts and refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import OrderKind, OrderReport, OrderStatus, OrderType, PositionMode, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Quote, Rule
from perpmaker.model.working_order import WorkingOrder
from perpmaker.risk.interface import Approved, Refused
from perpmaker.risk.review import review
from perpmaker.testing.view import make_instrument, make_order, make_position, make_view
from perpmaker_risk_modules.exposure_limit import ExposureLimit, ExposureLimitSettings

SIDES = tuple(Side)


def slot(side: Side = Side.BUY, level: int = 0, position: PositionSide = PositionSide.NET) -> Slot:
    """A quote's slot."""
    return Slot(OrderKind.QUOTE, side, level, position)


def make_quote(place: Slot, lots: int, ticks: int = 10_000, generation: int = 1) -> Quote:
    """A quote that is not resting yet: by default at 100.00."""
    return Quote(slot=place, ticks=ticks, lots=lots, generation=generation)


def make_resting(
    place: Slot, lots: int, *, filled: int = 0, status: OrderStatus = OrderStatus.OPEN
) -> dict[Slot, WorkingOrder]:
    """A view's orders: one, resting at 100.00 with the generation that `make_quote` gives."""
    return {place: make_order(place, 10_000, lots, filled_lots=filled, status=status, generation=1)}


def make_module(**caps: str) -> ExposureLimit:
    """The module with these caps."""
    settings = ExposureLimitSettings(**{key: Decimal(value) for key, value in caps.items()})

    return ExposureLimit(settings, make_instrument())


def lots_left(module: ExposureLimit, quote: Quote, **view: Any) -> int:
    """How many lots of the quote are approved; 0 when it is refused."""
    verdict = module.review(make_view(**view), quote)

    return verdict.quote.lots if isinstance(verdict, Approved) else 0


# --- settings ------------------------------------------------------------------------------------------------------


def test_module_without_a_cap_is_a_fault() -> None:
    """A table without a single cap would do nothing, so it is refused."""
    assert [key for key, _ in ExposureLimitSettings().faults()] == ["max_position"]
    assert not list(ExposureLimitSettings(max_notional=Decimal(1)).faults())


# --- one quote -----------------------------------------------------------------------------------------------------


def test_quote_within_the_cap_passes_untouched() -> None:
    """What fits exactly is approved as the very same quote."""
    for side in SIDES:
        quote = make_quote(slot(side), 50)
        assert make_module(max_position="0.050").review(make_view(), quote) == Approved(quote=quote)


def test_quote_above_the_cap_is_cut_to_whole_lots() -> None:
    """What does not fit is cut down to the lot, and the chain of reasons says by which cap."""
    for side in SIDES:
        verdict = make_module(max_position="0.0509").review(make_view(), make_quote(slot(side), 80))
        assert isinstance(verdict, Approved)
        assert verdict.quote.lots == 50
        reason = verdict.quote.reasons[-1]
        assert (reason.rule, reason.value) == (Rule.RISK, Decimal("0.050"))
        assert reason.text == "exposure_limit: cut to what max_position = 0.0509 leaves"


def test_quote_on_a_full_side_is_refused_with_the_cap() -> None:
    """At the cap or above it nothing more of that side is let through."""
    for side, amount in [(Side.BUY, "0.05"), (Side.SELL, "-0.05"), (Side.BUY, "0.07")]:
        view = make_view(positions=make_position(amount))
        verdict = make_module(max_position="0.05").review(view, make_quote(slot(side), 10))
        assert isinstance(verdict, Refused)
        assert verdict.reason == "max_position = 0.05 leaves 0.000 BTC"


def test_quote_that_reduces_passes_up_to_the_cap_on_its_own_side() -> None:
    """An exit may close the position before the quote fills, so a position on the other side makes no room."""
    for side, amount in [(Side.SELL, "0.05"), (Side.BUY, "-0.05")]:
        module = make_module(max_position="0.05")
        assert lots_left(module, make_quote(slot(side), 50), positions=make_position(amount)) == 50
        assert lots_left(module, make_quote(slot(side), 80), positions=make_position(amount)) == 50


def make_foreign(side: Side, lots: int, **changes: Any) -> OrderReport:
    """Somebody else's order, resting at 100.00."""
    plain = OrderReport(
        client_id="web-1",
        venue_id="1",
        side=side,
        position_side=PositionSide.NET,
        status=OrderStatus.OPEN,
        raw_status="NEW",
        ticks=10_000,
        lots=lots,
        filled_lots=0,
        reduce_only=False,
        type=OrderType.LIMIT,
        venue_ms=1,
    )

    return attrs.evolve(plain, **changes)


def test_F51_orders_of_others_that_may_add_to_the_position_count() -> None:
    """What is left of them is as good as held, by amount and by notional."""
    for foreign, left in [
        (make_foreign(Side.BUY, 20), 30),
        (make_foreign(Side.BUY, 20, filled_lots=5), 35),
        (make_foreign(Side.BUY, 80), 0),
        (make_foreign(Side.SELL, 20), 50),
        (make_foreign(Side.BUY, 20, reduce_only=True), 50),
        (make_foreign(Side.BUY, 20, type=OrderType.VENUE_STOP), 50),
        (make_foreign(Side.BUY, 20, position_side=PositionSide.LONG), 50),
    ]:
        quote = make_quote(slot(), 80)
        assert lots_left(make_module(max_position="0.050"), quote, foreign=(foreign,)) == left
        assert lots_left(make_module(max_notional="5"), quote, foreign=(foreign,)) == left


def test_what_the_market_would_not_take_is_refused() -> None:
    """Less than the market's smallest order or notional is not sent at all."""
    for filled in [0, 30]:
        module = make_module(max_position="0.05")
        rules = make_instrument(min_notional=Decimal(5))
        positions = make_position(f"0.0{filled:02}")
        assert lots_left(module, make_quote(slot(), 80), positions=positions, instrument=rules) == (
            50 if not filled else 0
        )
        rules = make_instrument(min_amount=Decimal("0.021"))
        assert lots_left(module, make_quote(slot(), 80), positions=positions, instrument=rules) == (
            50 if not filled else 0
        )


def test_part_of_a_lot_counts_as_a_whole_one() -> None:
    """Dust is counted upward: the cap is never passed by less than a lot either."""
    assert lots_left(make_module(max_position="0.05"), make_quote(slot(), 80), positions=make_position("0.0101")) == 39


# --- what is live --------------------------------------------------------------------------------------------------


def test_every_order_that_may_still_fill_counts() -> None:
    """In flight, resting, being cancelled or of unknown outcome: each may fill to the last lot."""
    for status in [one for one in OrderStatus if not one.is_final]:
        orders = make_resting(slot(level=1), 30, filled=10, status=status)
        assert lots_left(make_module(max_position="0.05"), make_quote(slot(), 80), orders=orders) == 30


def test_orders_of_the_other_side_do_not_count() -> None:
    """An ask makes no long position, and gives no room for one either."""
    orders = make_resting(slot(Side.SELL), 50)
    assert lots_left(make_module(max_position="0.05"), make_quote(slot(), 50), orders=orders) == 50


def test_exits_do_not_count() -> None:
    """A closing order is capped at the position by the venue: it opens nothing."""
    place = Slot(OrderKind.TAKE_PROFIT, Side.BUY)
    target = make_order(place, 9_900, 50)
    target = attrs.evolve(target, order=attrs.evolve(target.order, reduce_only=True))
    view = {"orders": {place: target}, "positions": make_position("-0.05")}
    assert lots_left(make_module(max_position="0.05"), make_quote(slot(), 50), **view) == 50


def test_order_that_rests_already_is_not_counted_twice() -> None:
    """Approving what rests sends nothing, so it counts once, by what of it may still fill."""
    place = slot()
    module = make_module(max_position="0.05")
    view = {"orders": make_resting(place, 50, filled=20), "positions": make_position("0.02")}
    assert lots_left(module, make_quote(place, 50), **view) == 50


def test_resting_order_that_no_longer_fits_is_cut() -> None:
    """When the position has grown otherwise, what rests is asked for smaller, which takes it off the book first."""
    place = slot()
    view = {"orders": make_resting(place, 50), "positions": make_position("0.02")}
    assert lots_left(make_module(max_position="0.05"), make_quote(place, 50), **view) == 30


def test_second_order_of_a_slot_counts() -> None:
    """An order believed never to have been, which the venue then showed beside its successor, may fill as well."""
    place = slot()
    view = {"orders": make_resting(place, 20), "beside": tuple(make_resting(place, 25).values())}
    assert lots_left(make_module(max_position="0.05"), make_quote(place, 20), **view) == 20
    assert lots_left(make_module(max_position="0.04"), make_quote(place, 20), **view) == 15


# --- one decision --------------------------------------------------------------------------------------------------


def test_ladder_is_filled_from_level_one_outward() -> None:
    """Quotes of one decision count one another: the first levels have their amount, the rest what is left."""
    ladder = tuple(make_quote(slot(side, level), 20) for side in SIDES for level in range(4))
    reviewed = review(make_view(), ladder, (make_module(max_position="0.05"),))
    assert [quote.lots for quote in reviewed.approved] == [20, 20, 10] * 2
    assert [str(refused.quote.slot) for refused in reviewed.refused] == ["quote buy 3", "quote sell 3"]


def test_replacement_counts_as_the_larger_of_old_and_new() -> None:
    """While a level is replaced either may fill, never both: the new one is sent when the old one is gone."""
    ladder = (make_quote(slot(), 10, generation=2), make_quote(slot(level=1), 40, generation=2))
    reviewed = review(make_view(orders=make_resting(slot(), 25)), ladder, (make_module(max_position="0.05"),))
    assert [quote.lots for quote in reviewed.approved] == [10, 25]


# --- notional ------------------------------------------------------------------------------------------------------


def test_notional_counts_orders_at_their_price_and_the_position_at_the_mark() -> None:
    """0.02 at a mark of 110 and a bid of 0.01 at 100 leave 1.80 of 5.00: eighteen lots at 100."""
    view = {
        "orders": make_resting(slot(level=1), 10),
        "positions": make_position("0.02", entry="90"),
        "mark": Decimal(110),
    }
    assert lots_left(make_module(max_notional="5"), make_quote(slot(), 80), **view) == 18


def test_notional_of_a_position_without_a_mark_is_that_of_its_entry() -> None:
    """Without a mark price the entry price is the best that is known."""
    view = {"positions": make_position("0.02", entry="90"), "mark": None}
    assert lots_left(make_module(max_notional="5"), make_quote(slot(), 80), **view) == 32


def test_every_cap_holds_and_the_tightest_is_named() -> None:
    """With several caps the one that leaves least decides."""
    module = make_module(max_position="0.05", max_notional="3", max_account_notional="4")
    verdict = module.review(make_view(), make_quote(slot(), 80))
    assert isinstance(verdict, Approved)
    assert verdict.quote.lots == 30
    assert "max_notional = 3" in verdict.quote.reasons[-1].text


# --- Hedge ---------------------------------------------------------------------------------------------------------

HEDGE = {
    "position_mode": PositionMode.HEDGE,
    "positions": {
        PositionSide.LONG: Position(side=PositionSide.LONG, amount=Decimal("0.03"), entry=Decimal(100)),
        PositionSide.SHORT: Position(side=PositionSide.SHORT, amount=Decimal("-0.01"), entry=Decimal(100)),
    },
}
LONG = slot(Side.BUY, 0, PositionSide.LONG)
SHORT = slot(Side.SELL, 0, PositionSide.SHORT)


def test_hedge_positions_have_a_cap_each() -> None:
    """The long and the short position are two, and neither makes room for the other."""
    for place, left in [(LONG, 20), (SHORT, 40)]:
        assert lots_left(make_module(max_position="0.05"), make_quote(place, 80), **HEDGE) == left
        assert lots_left(make_module(max_notional="5"), make_quote(place, 80), **HEDGE) == left


def test_account_cap_counts_both_hedge_positions() -> None:
    """3.00 long, 1.00 short and a resting order of the other side of 0.50 leave 1.50 of 6.00."""
    for place in [LONG, SHORT]:
        other = SHORT if place is LONG else LONG
        orders = make_resting(other._replace(level=1), 5)
        module = make_module(max_account_notional="6")
        assert lots_left(module, make_quote(place, 80), orders=orders, **HEDGE) == 15


# --- whatever happens ----------------------------------------------------------------------------------------------

AMOUNTS = st.integers(0, 60)


@given(
    position=st.integers(-60, 60),
    resting=st.dictionaries(st.tuples(st.sampled_from(SIDES), st.integers(0, 3)), AMOUNTS.filter(bool)),
    wanted=st.dictionaries(st.tuples(st.sampled_from(SIDES), st.integers(0, 3)), AMOUNTS.filter(bool)),
)
def test_no_order_of_fills_passes_the_cap(position: int, resting: dict[Any, int], wanted: dict[Any, int]) -> None:
    """Whatever rests and whatever is sent: if all of it fills, in any order, a quote that was sent keeps the cap."""
    cap = 50
    orders = {
        place: order
        for (side, level), lots in resting.items()
        for place, order in make_resting(slot(side, level), lots).items()
    }
    quotes = tuple(make_quote(slot(side, level), lots, generation=2) for (side, level), lots in wanted.items())
    view = make_view(orders=orders, positions=make_position(str(Decimal(position) / 1000)))
    approved = review(view, quotes, (make_module(max_position="0.050"),)).approved

    for side in SIDES:
        sent = [quote for quote in approved if quote.slot.side is side and quote.slot not in orders]
        live = sum(order.remaining_lots for order in orders.values() if order.slot.side is side)

        if sent:  # with the position as it is, or closed before by an exit
            assert max(0, side.sign * position) + live + sum(quote.lots for quote in sent) <= cap


def test_other_markets_of_the_account_count_towards_the_account_cap_alone() -> None:
    """What they may come to hold leaves less of `max_account_notional`, and nothing less of the caps of this market."""
    quote = make_quote(slot(), 50)  # 0.050 at 100.00: 5.00
    assert lots_left(make_module(max_account_notional="10"), quote, elsewhere=Decimal(5)) == 50
    assert lots_left(make_module(max_account_notional="10"), quote, elsewhere=Decimal("7.995")) == 20
    assert lots_left(make_module(max_account_notional="10"), quote, elsewhere=Decimal(10)) == 0
    assert lots_left(make_module(max_notional="10", max_position="1"), quote, elsewhere=Decimal(1000)) == 50


def test_nothing_is_quoted_under_the_account_cap_while_a_market_of_the_account_has_not_been_read() -> None:
    """Not knowing is not nothing: the reason names the market; the caps of this market alone do not wait."""
    quote = make_quote(slot(), 50)
    verdict = make_module(max_account_notional="10").review(make_view(elsewhere_unread=("eth", "sol")), quote)
    assert isinstance(verdict, Refused)
    assert verdict.reason == "max_account_notional = 10 waits for eth, sol, whose account has not been read yet"
    assert lots_left(make_module(max_notional="10"), quote, elsewhere_unread=("eth",)) == 50
