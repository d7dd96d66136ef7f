"""All modules together: whatever they are shown, no quote becomes larger or nearer, whatever their order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.account import AccountFacts
from perpmaker.model.funding import Funding
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import DemandKind
from perpmaker.risk.modules import RiskModules
from perpmaker.state.view import View
from perpmaker.testing.view import make_instrument, make_order, make_view
from perpmaker_risk_modules.exposure_limit import ExposureLimit, ExposureLimitSettings
from perpmaker_risk_modules.funding_guard import FundingGuard, FundingGuardSettings
from perpmaker_risk_modules.liquidation_guard import LiquidationGuard, LiquidationGuardSettings
from perpmaker_risk_modules.margin_guard import MarginGuard, MarginGuardSettings

INSTRUMENT = make_instrument()
MODULES: tuple[Any, ...] = (
    FundingGuard(FundingGuardSettings(threshold=Decimal("0.001")), INSTRUMENT),
    LiquidationGuard(LiquidationGuardSettings(flatten_below=Decimal("0.05")), INSTRUMENT),
    MarginGuard(MarginGuardSettings(), INSTRUMENT),
    ExposureLimit(ExposureLimitSettings(max_position=Decimal("0.3")), INSTRUMENT),
)


def decimals(low: int, high: int, digits: int) -> st.SearchStrategy[Decimal]:
    """Numbers of so many digits behind the point."""
    return st.integers(low, high).map(lambda number: Decimal(number).scaleb(-digits))


quotes = st.lists(
    st.builds(
        Quote,
        slot=st.builds(Slot, st.just(OrderKind.QUOTE), st.sampled_from(Side), st.integers(0, 3)),
        ticks=st.integers(9000, 11000),
        lots=st.integers(1, 400),
        generation=st.integers(0, 2),
    ),
    max_size=8,
    unique_by=lambda quote: quote.slot,
).map(tuple)


@st.composite
def views(draw: st.DrawFn) -> View:
    """A market, an account and a position in any state, with some quotes that rest."""
    position = Position(
        side=PositionSide.NET,
        amount=draw(decimals(-500, 500, 3)),
        entry=Decimal(100),
        liquidation=draw(st.none() | decimals(5000, 15000, 2)),
    )
    facts = AccountFacts(
        equity=draw(st.none() | decimals(-1000, 10000, 2)),
        initial_margin=draw(st.none() | decimals(0, 10000, 2)),
        maintenance_margin=draw(st.none() | decimals(0, 1000, 2)),
        asked_at=draw(st.sampled_from([900.0, 999.0])),
    )
    funding = Funding(
        rate=draw(st.none() | decimals(-30, 30, 4)),
        next_at=draw(st.none() | st.sampled_from([990.0, 1010.0, 1300.0, 5000.0])),
        interval_h=draw(st.sampled_from([1, 8])),
        age_s=draw(st.sampled_from([1.0, 90.0])),
    )
    resting = {one.slot: make_order(one.slot, one.ticks, one.lots, generation=1) for one in draw(quotes)}

    return make_view(
        positions={PositionSide.NET: position}, account=facts, funding=funding, orders=resting, instrument=INSTRUMENT
    )


@given(views(), quotes, st.permutations(MODULES))
def test_no_quote_becomes_larger_or_nearer(view: View, wanted: tuple[Quote, ...], order: list[Any]) -> None:
    """Each is approved no larger and no nearer, or refused with a module and a reason; none is lost or made up."""
    modules = RiskModules(order)
    assessed = modules.assess(view, ())
    reviewed = modules.review(view, wanted, assessed.memories)
    before = {quote.slot: quote for quote in wanted}

    for after in reviewed.approved:
        quote = before[after.slot]
        assert 0 < after.lots <= quote.lots
        assert after.slot.side.sign * (after.ticks - quote.ticks) <= 0

    for refused in reviewed.refused:
        assert refused.module
        assert refused.reason

    assert len(reviewed.approved) + len(reviewed.refused) == len(wanted)
    assert [one.slot for one in reviewed.approved] == [
        one.slot for one in wanted if one.slot in {a.slot for a in reviewed.approved}
    ]


@given(views(), st.permutations(MODULES))
def test_what_is_demanded_does_not_depend_on_the_order(view: View, order: list[Any]) -> None:
    """Nor do the factors; and asked again by the same memory they say the same."""
    first, again = RiskModules(MODULES).assess(view, ()), RiskModules(order).assess(view, ())
    assert (first.demand is None) is (again.demand is None)

    if first.demand is not None and again.demand is not None:
        assert first.demand == again.demand
        assert first.demand.kind in {DemandKind.PULL, DemandKind.FLATTEN}

    assert first.factors == again.factors
    assert attrs.evolve(again, memories=()) == attrs.evolve(
        RiskModules(order).assess(view, again.memories), memories=()
    )
