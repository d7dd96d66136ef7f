"""`margin_guard`: what is left free, with the quotes that rest; old and untold figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.account import AccountFacts
from perpmaker.model.instrument import OrderMargin
from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, DemandKind, Refused
from perpmaker.risk.review import review
from perpmaker.state.view import View
from perpmaker.testing.view import make_instrument, make_order, make_position, make_view
from perpmaker_risk_modules.margin_guard import MarginGuard, MarginGuardSettings

D = Decimal
BIDS = [Quote(slot=Slot(OrderKind.QUOTE, Side.BUY, level), ticks=10000, lots=1000, generation=1) for level in range(5)]
ASKS = [attrs.evolve(bid, slot=Slot(OrderKind.QUOTE, Side.SELL, bid.slot.level)) for bid in BIDS]
INSTRUMENT = make_instrument()


def guard(**settings: Any) -> MarginGuard:
    """The module; 30 and 20 % unless said otherwise."""
    return MarginGuard(MarginGuardSettings(**settings), INSTRUMENT)


def view(initial: str, *, equity: str = "1000", age_s: float = 1.0, quote_margin: str = "0", **changes: Any) -> View:
    """An account of this equity that binds so much; each quote binds 100."""
    facts = AccountFacts(
        equity=D(equity), initial_margin=D(initial), quote_margin=D(quote_margin), asked_at=1000.0 - age_s
    )

    return make_view(account=facts, **changes)


def reason(verdict: object) -> str:
    """Why it was refused."""
    assert isinstance(verdict, Refused)

    return verdict.reason


def test_a_quote_that_leaves_enough_free_is_approved_as_it_is() -> None:
    """600 bound, 100 more: exactly 30 % are left."""
    assert guard().review(view("600"), BIDS[0]) == Approved(quote=BIDS[0])


def test_a_quote_that_leaves_too_little_free_is_refused_with_the_figures() -> None:
    """By a cent."""
    words = "free margin is 40.0 % and would be 30.0 % with it, below quote_below = 30 %"
    assert reason(guard().review(view("600.01"), BIDS[0])) == words


def test_below_the_mark_nothing_new_is_quoted() -> None:
    """The positions alone bind too much."""
    assert "free margin is 25.0 %" in reason(guard().review(view("750"), BIDS[0]))


def test_quotes_count_together_and_both_sides_have_their_turn() -> None:
    """700 may be bound; bids and asks are margined together here, so three levels and a bid."""
    reviewed = review(view("0"), (*BIDS, *ASKS), (guard(),))
    assert [(str(one.slot.side), one.slot.level) for one in reviewed.approved] == [
        *((str(Side.BUY), level) for level in range(4)),
        *((str(Side.SELL), level) for level in range(3)),
    ]


def test_where_the_larger_side_is_margined_only_that_counts() -> None:
    """The instrument says so: four more asks cost nothing."""
    larger = make_instrument(order_margin=OrderMargin.LARGER_SIDE)
    reviewed = review(view("300", instrument=larger), (*BIDS, *ASKS), (guard(),))
    assert len(reviewed.approved) == 8


def test_what_rests_counts_once_and_stays() -> None:
    """The venue counts it in the initial margin already; refused it would go, and come back with the next reading."""
    resting = {one.slot: make_order(one.slot, one.ticks, one.lots, generation=1) for one in BIDS[:3]}
    seen = view("750", quote_margin="300", orders=resting)
    reviewed = review(seen, (*BIDS[:3], BIDS[3]), (guard(),))
    assert reviewed.approved == tuple(BIDS[:3])
    assert [one.quote for one in reviewed.refused] == [BIDS[3]]


def test_one_that_replaces_another_counts_once() -> None:
    """The larger of the two: 400 and 200 bound, and its successor is of the same size."""
    resting = {one.slot: make_order(one.slot, one.ticks, one.lots, generation=1) for one in BIDS[:2]}
    moved = attrs.evolve(BIDS[0], ticks=9990, generation=2)
    seen = view("700", quote_margin="200", orders=resting)
    assert guard().review(seen, moved) == Approved(quote=moved)
    assert isinstance(guard().review(seen, attrs.evolve(moved, lots=1002)), Refused)


def test_what_closes_the_position_binds_nothing() -> None:
    """A short of 3 and bids of 5: three levels only close it, the others bind; asks all do."""
    seen = view("500", positions=make_position("-3"))
    reviewed = review(seen, tuple(BIDS), (guard(),))
    assert len(reviewed.approved) == 5
    assert len(review(seen, tuple(ASKS), (guard(),)).approved) == 2


def test_an_old_or_untold_figure_lets_nothing_new_be_quoted() -> None:
    """And says which; a minute is old."""
    assert reason(guard().review(view("0", age_s=61), BIDS[0])) == "the account was read 61 s ago"
    assert "does not tell" in reason(guard().review(make_view(), BIDS[0]))
    assert isinstance(guard().review(view("0", age_s=60), BIDS[0]), Approved)


def test_below_the_lower_mark_every_quote_goes() -> None:
    """At it none does yet; an old figure demands nothing, and one that is not told neither."""
    demand = guard().demand(view("800.01"))
    assert demand is not None
    assert (demand.kind, demand.reason) == (DemandKind.PULL, "free margin is 20.0 %, below reduce_below = 20 %")

    for calm in (view("800"), view("900", age_s=61), make_view()):
        assert guard().demand(calm) is None


def test_without_equity_everything_goes() -> None:
    """An account that owes has nothing free."""
    assert guard().demand(view("10", equity="-5")) is not None


def test_the_marks_are_settings_that_fit_each_other() -> None:
    """The lower one is the lower one."""
    faults = dict(MarginGuardSettings(quote_below=D("0.2"), reduce_below=D("0.2")).faults())
    assert faults == {"reduce_below": "must be below quote_below = 20 %"}
    assert not dict(MarginGuardSettings().faults())


@pytest.mark.parametrize("told", [True, False])
def test_a_venue_that_tells_nothing_is_named_before_the_start(told: bool) -> None:
    """It would quote nothing at all."""
    assert bool([*guard().advise(view("0") if told else make_view())]) is not told
