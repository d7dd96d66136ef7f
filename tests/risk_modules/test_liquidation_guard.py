"""`liquidation_guard`: the distance from the mark price, the venue's figure or a reckoned one, and what follows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from perpmaker.model.account import AccountFacts
from perpmaker.model.instrument import MarginTier
from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, DemandKind, Refused, RiskRequest
from perpmaker.state.view import View
from perpmaker.testing.view import make_instrument, make_view
from perpmaker_risk_modules.liquidation_guard import (
    LiquidationGuard,
    LiquidationGuardSettings,
    check,
    distance_of,
)

D = Decimal
BID = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=9900, lots=100, generation=1)
ASK = Quote(slot=Slot(OrderKind.QUOTE, Side.SELL), ticks=10100, lots=100, generation=1)
SETTINGS = LiquidationGuardSettings(quote_below=D("0.1"), flatten_below=D("0.05"))
TIER = MarginTier(floor=D(0), cap=D(10**9), maintenance_ratio=D("0.01"), deduction=D(0), max_leverage=100)


def guard(**settings: Any) -> LiquidationGuard:
    """The module; 10 % and 5 % unless said otherwise."""
    return LiquidationGuard(attrs.evolve(SETTINGS, **settings), make_instrument())


def held(amount: str, liquidation: str | None, side: PositionSide = PositionSide.NET) -> dict[PositionSide, Position]:
    """One position from 100."""
    price = None if liquidation is None else D(liquidation)

    return {side: Position(side=side, amount=D(amount), entry=D(100), liquidation=price)}


def view(amount: str, liquidation: str | None, mark: str = "100", **changes: Any) -> View:
    """What the module is shown."""
    return make_view(**{"positions": held(amount, liquidation), "mark": D(mark), **changes})


def asked(module: LiquidationGuard, seen: View) -> View:
    """The same with what the module remembers now."""
    return attrs.evolve(seen, memory=module.remember(seen))


def test_nothing_is_added_to_a_position_near_to_its_liquidation() -> None:
    """Long and short; what closes it may rest, and the reason has the figures."""
    for amount, price, adding, closing in (("1", "90.01", BID, ASK), ("-1", "109.99", ASK, BID)):
        seen = asked(guard(), view(amount, price))
        verdict = guard().review(seen, adding)
        assert isinstance(verdict, Refused)
        assert verdict.reason == f"liquidation at {price} is 10.0 % from the mark price, below quote_below = 10 %"
        assert guard().review(seen, closing) == Approved(quote=closing)


def test_at_the_mark_itself_nothing_happens_yet() -> None:
    """And without a liquidation price never; a flat position has none."""
    for amount, price in (("1", "90"), ("1", None), ("0", None)):
        seen = asked(guard(), view(amount, price))
        assert guard().review(seen, BID) == Approved(quote=BID)
        assert guard().demand(seen) is None


def test_it_is_added_again_a_tenth_further_out() -> None:
    """10 % on the way in, 11 % on the way out; only the memory knows which."""
    module, near = guard(), asked(guard(), view("1", "90.1"))
    back = attrs.evolve(view("1", "89.5"), memory=near.memory)
    verdict = module.review(asked(module, back), BID)
    assert isinstance(verdict, Refused)
    assert "not yet a tenth above quote_below" in verdict.reason
    out = attrs.evolve(view("1", "89"), memory=near.memory)
    assert isinstance(module.review(asked(module, out), BID), Approved)
    assert isinstance(module.review(asked(module, view("1", "89.5")), BID), Approved)


def test_a_position_that_is_too_near_is_closed() -> None:
    """Not at the mark itself, and not by an old mark price or by one word of the venue alone."""
    near = view("1", "95.01")
    demand = guard().demand(near)
    assert demand is not None
    assert demand.kind is DemandKind.FLATTEN
    assert demand.reason == "liquidation at 95.01 is 5.0 % from the mark price, below flatten_below = 5 %"

    for calm in (
        view("1", "95"),
        attrs.evolve(near, mark_age_s=6.0),
        attrs.evolve(near, unproven=frozenset({PositionSide.NET})),
    ):
        assert guard().demand(calm) is None

    assert guard(flatten_below=None).demand(near) is None


def test_in_hedge_each_position_is_looked_at_by_itself() -> None:
    """The short is near, the long is not."""
    positions = held("1", "50", PositionSide.LONG) | held("-1", "105.1", PositionSide.SHORT)
    seen = asked(guard(flatten_below=None), view("0", None, positions=positions, position_mode=PositionMode.HEDGE))
    short = attrs.evolve(ASK, slot=Slot(OrderKind.QUOTE, Side.SELL, 0, PositionSide.SHORT))
    long = attrs.evolve(BID, slot=Slot(OrderKind.QUOTE, Side.BUY, 0, PositionSide.LONG))
    assert isinstance(guard().review(seen, short), Refused)
    assert isinstance(guard().review(seen, long), Approved)


def test_where_the_venue_tells_no_price_it_is_reckoned() -> None:
    """Equity 20 behind a long of 1 from 100, one tier of 1 %: 80 / 0.99; the reading's mark price counts, not now's."""
    facts = AccountFacts(equity=D(20), maintenance_margin=D(1), mark=D(100))
    instrument = make_instrument(tiers=(TIER,))
    distance = distance_of(view("1", None, account=facts, instrument=instrument), held("1", None)[PositionSide.NET])
    assert distance is not None
    assert (distance.price, distance.is_reckoned) == (D("80.80"), True)
    later = view("1", None, "90", account=facts, instrument=instrument)
    moved = distance_of(later, held("1", None)[PositionSide.NET])
    assert moved is not None
    assert moved.price == distance.price
    assert str(moved) == "reckoned liquidation at 80.8 is 10.2 % from the mark price"


def test_nothing_is_closed_by_a_figure_reckoned_of_an_old_account() -> None:
    """Nothing is added to the position all the same."""
    facts = AccountFacts(equity=D(4), maintenance_margin=D(1), mark=D(100), asked_at=1000.0)
    seen = asked(guard(), view("1", None, account=facts, instrument=make_instrument(tiers=(TIER,))))
    assert guard().demand(seen) is not None
    old = asked(guard(), attrs.evolve(seen, account=attrs.evolve(facts, asked_at=900.0)))
    assert guard().demand(old) is None
    assert isinstance(guard().review(old, BID), Refused)


def test_an_isolated_position_is_reckoned_by_its_own_margin() -> None:
    """Whatever else is on the account."""
    position = attrs.evolve(held("-1", None)[PositionSide.NET], isolated_margin=D(10))
    distance = distance_of(view("-1", None, instrument=make_instrument(tiers=(TIER,))), position)
    assert distance is not None
    assert distance.price == D("108.91")


def test_the_mark_price_wakes_it_where_something_changes() -> None:
    """For a long at 100 with liquidation at 80: down at 88.9; nearer, down at 84.2 and up again at 89.9."""
    far, near = guard().wake(view("1", "80")), guard().wake(view("1", "80", "85"))
    assert far.mark_low is not None
    assert (round(far.mark_low, 2), far.mark_high) == (D("89.89"), None)
    assert near.mark_low is not None
    assert near.mark_high is not None
    assert (round(near.mark_low, 2), round(near.mark_high, 2)) == (D("84.21"), D("88.89"))
    short = guard().wake(view("-1", "120"))
    assert short.mark_high is not None
    assert (short.mark_low, round(short.mark_high, 2)) == (None, D("108.11"))


def test_bounds_of_the_wake_are_where_the_decision_changes() -> None:
    """From every mark price on: up to just before the bound, remember and demand answer the same."""
    module = guard()

    for sign, liquidation in ((1, "80"), (-1, "125")):
        for mark in range(8100, 12400, 7):
            seen = asked(module, view(str(sign), liquidation, str(D(mark) / 100)))
            wake, answer = module.wake(seen), (module.remember(seen), bool(module.demand(seen)))

            for bound, step in ((wake.mark_low, D("0.0001")), (wake.mark_high, D("-0.0001"))):
                if bound is not None and (bound + step - D(mark) / 100) * step <= 0:
                    before = attrs.evolve(seen, mark=bound + step)
                    assert (module.remember(before), bool(module.demand(before))) == answer, (sign, mark, bound)


def test_settings_fit_each_other_and_the_leverage() -> None:
    """What closes is below what stops adding; an isolated position is never as far as that from its liquidation."""
    settings = LiquidationGuardSettings(quote_below=D("0.1"), flatten_below=D("0.1"))
    assert dict(settings.faults()) == {"flatten_below": "must be below quote_below = 10 %"}
    request = RiskRequest(
        leverage=10,
        is_isolated=True,
        long_profit_taking_spread=D(0),
        short_profit_taking_spread=D(0),
        stop_loss_spread=None,
    )
    assert set(dict(check(settings, request))) == {"quote_below", "flatten_below"}
    assert not dict(check(settings, attrs.evolve(request, leverage=9)))
    assert not dict(check(settings, attrs.evolve(request, is_isolated=False)))
