"""`funding_guard`: which side pays too much, what that does to targets and quotes, and when it may change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.funding import Funding
from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, Refused, RiskRequest
from perpmaker.state.view import View
from perpmaker.testing.view import make_instrument, make_position, make_view
from perpmaker_risk_modules.funding_guard import FundingGuard, FundingGuardSettings, Stance, check

D = Decimal
BID = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=9900, lots=100, generation=1)
ASK = Quote(slot=Slot(OrderKind.QUOTE, Side.SELL), ticks=10100, lots=100, generation=1)
SETTINGS = FundingGuardSettings(threshold=D("0.001"))
GUARD = FundingGuard(SETTINGS, make_instrument())


def view(rate: str | None, *, now: float = 1000.0, due_in: float | None = 3600, **changes: Any) -> View:
    """A market with this rate, and its next payment so many seconds from 1000 on."""
    known = {name: changes.pop(name) for name in ("interval_h", "age_s") if name in changes}
    funding = Funding(
        rate=None if rate is None else D(rate),
        next_at=None if due_in is None else 1000.0 + due_in,
        **{"interval_h": 8, "age_s": 1.0, **known},
    )

    return make_view(now=now, funding=funding, **changes)


def after(*views: View, guard: FundingGuard = GUARD) -> View:
    """The last of these, with what the guard remembers after all of them."""
    memory: object = None
    seen = views[0]

    for one in views:
        seen = attrs.evolve(one, memory=memory)
        memory = guard.remember(seen)

    return attrs.evolve(seen, memory=memory)


def paying(*views: View) -> int:
    """Which side pays after all of these."""
    memory = after(*views).memory
    assert isinstance(memory, Stance)

    return memory.paying


# --- the stance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "side"),
    [
        ("0.0011", 1),
        ("0", 0),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("-0.0011", -1),
                ("0.001", 0),
                ("-0.001", 0),
            )
        ),
    ],
)
def test_above_the_threshold_one_side_pays(rate: str, side: int) -> None:
    """At it nobody does yet."""
    assert paying(view(rate)) == side


def test_it_is_left_a_fifth_below_the_threshold() -> None:
    """0.0008 is the last rate that holds it; without it, that would not begin it."""
    entered = view("0.0011")
    assert paying(entered, view("0.0008", now=1100.0)) == 1
    assert paying(entered, view("0.00079", now=1100.0)) == 0
    assert paying(view("0.0009")) == 0


def test_it_changes_once_a_minute() -> None:
    """Also into its opposite."""
    entered = view("0.0011", now=1000.0)
    assert paying(entered, view("0", now=1059.9)) == 1
    assert paying(entered, view("0", now=1060.0)) == 0
    assert paying(entered, view("-0.002", now=1060.0)) == -1


def test_it_does_not_change_in_the_last_minute_before_a_payment() -> None:
    """Neither begins nor ends; from the payment on it may."""
    for first, then, during, later in (("0", "0.002", 0, 1), ("0.002", "0", 1, 0)):
        for now in (4540.0, 4599.9):
            assert paying(view(first), view(then, now=now)) == during

        assert paying(view(first), view(then, now=4539.9)) == later
        assert paying(view(first), view(then, now=4600.0)) == later


def test_another_interval_arms_it_anew() -> None:
    """Neither the minute nor the fifth counts then; the last minute before a payment does."""
    entered = view("0.0011")
    assert paying(entered, view("0.0009", now=1001.0)) == 1
    assert paying(entered, view("0.0009", now=1001.0, interval_h=4)) == 0
    assert paying(entered, view("0.0011", now=1001.0, interval_h=4)) == 1
    assert paying(entered, view("0.0009", now=4550.0, interval_h=4)) == 1
    assert paying(entered, view("0.0009", now=4550.0, interval_h=4), view("0.0009", now=4600.0, interval_h=4)) == 0


def test_an_old_or_untold_rate_changes_nothing() -> None:
    """What was decided by a rate that was known stays."""
    for unknown in (view(None, now=1100.0), view("0", now=1100.0, age_s=61.0)):
        assert paying(view("0.0011"), unknown) == 1
        assert paying(view("0"), attrs.evolve(unknown)) == 0


def test_a_restart_comes_to_its_stance_by_the_rate() -> None:
    """A run that begins with this view is where one that was there before is, but within the fifth."""
    for rate in ("0.0011", "-0.5", "0", "0.0007"):
        assert paying(view("0.0011"), view(rate, now=2000.0)) == paying(view(rate, now=2000.0))


# --- targets ----------------------------------------------------------------------------------------------------------


def test_the_paying_side_is_left_sooner_and_the_receiving_one_later() -> None:
    """0.5 and 2; the reason says who pays how much."""
    longs = GUARD.target_factors(after(view("0.0011")))
    shorts = GUARD.target_factors(after(view("-0.0011")))
    assert longs is not None
    assert shorts is not None
    assert (longs.long, longs.short) == (D("0.5"), D(2))
    assert (shorts.long, shorts.short) == (D(2), D("0.5"))
    assert longs.reason == "longs pay 0.1100 %, above threshold = 0.1 %"
    assert shorts.reason.startswith("shorts pay")
    assert GUARD.target_factors(after(view("0"))) is None


def test_factors_stay_as_they_are_while_the_rate_moves() -> None:
    """Else the target's reasons would be new with every word of the venue."""
    first, then = after(view("0.0011")), after(view("0.0011"), view("0.0013", now=1100.0))
    assert GUARD.target_factors(first) == GUARD.target_factors(then)


# --- quotes -----------------------------------------------------------------------------------------------------------


def test_shortly_before_a_payment_nothing_is_added_to_the_paying_side() -> None:
    """Ten minutes before; flat or long, a bid makes longs. An ask may rest."""
    for positions in ({}, make_position("1")):
        near = after(view("0.002", due_in=600, positions=positions))
        verdict = GUARD.review(near, BID)
        assert isinstance(verdict, Refused)
        assert verdict.reason == "longs pay 0.2000 % in 10 min: nothing is added to them"
        assert GUARD.review(near, ASK) == Approved(quote=ASK)


def test_before_that_and_from_the_payment_on_it_is() -> None:
    """And without a next time, or a paying side, always."""
    entered = view("0.002", now=900.0)

    for calm in (
        view("0.002", due_in=600.1),
        view("0.002", due_in=0),
        view("0.002", due_in=-5),
        view("0.002", due_in=None),
    ):
        assert GUARD.review(after(entered, calm), BID) == Approved(quote=BID)

    assert GUARD.review(after(view("0.0005", due_in=60)), BID) == Approved(quote=BID)


def test_a_quote_that_closes_the_receiving_side_is_cut_to_it() -> None:
    """Longs pay, and a short is held: a bid of the same size closes it, a larger one would make a long."""
    for amount, lots in (("-0.1", 100), ("-0.2", 100), ("-0.04", 40)):
        verdict = GUARD.review(after(view("0.002", due_in=300, positions=make_position(amount))), BID)
        assert isinstance(verdict, Approved)
        assert verdict.quote.lots == lots
        assert (verdict.quote == BID) is (lots == 100)


def test_in_hedge_the_position_that_pays_is_not_added_to() -> None:
    """A bid of the short side would close it."""
    near = after(view("0.002", due_in=300, position_mode=PositionMode.HEDGE))
    long, short = (attrs.evolve(BID, slot=Slot(OrderKind.QUOTE, Side.BUY, 0, side)) for side in POSITIONS)
    assert isinstance(GUARD.review(near, long), Refused)
    assert isinstance(GUARD.review(near, short), Approved)


POSITIONS = (PositionSide.LONG, PositionSide.SHORT)


# --- when to be asked -------------------------------------------------------------------------------------------------


def test_it_wakes_by_the_clock_of_payments_and_by_the_rate() -> None:
    """Ten minutes before, at the payment, and where the rate asks for something else."""
    calm = GUARD.wake(after(view("0")))
    assert (calm.at, calm.rate_low, calm.rate_high) == (4000.0, D("-0.001"), D("0.001"))
    long = GUARD.wake(after(view("0.002", now=4100.0)))
    assert (long.at, long.rate_low, long.rate_high) == (4600.0, D("0.0008"), None)
    short = GUARD.wake(after(view("-0.002", now=4600.0)))
    assert (short.at, short.rate_low, short.rate_high) == (None, None, D("-0.0008"))


def test_a_change_that_has_to_wait_wakes_when_it_may_come() -> None:
    """By the time alone, so that a rate outside of its bounds is not computed with every message."""
    waiting = GUARD.wake(after(view("0.002"), view("0", now=1010.0)))
    assert (waiting.at, waiting.watches_rate) == (1060.0, False)
    before_payment = GUARD.wake(after(view("0"), view("0.002", now=4545.0)))
    assert (before_payment.at, before_payment.watches_rate) == (4600.0, False)


def test_a_rate_that_is_not_known_is_looked_for() -> None:
    """Every few seconds, and without bounds that it may be outside of."""
    for unknown in (view(None), view("0.5", age_s=61.0)):
        wake = GUARD.wake(after(unknown))
        assert (wake.at, wake.watches_rate) == (1005.0, False)


def test_the_decision_stands_as_long_as_its_wake_says() -> None:
    """At every rate: up to the bounds the stance stays as it is."""
    for start in ("0", "0.002", "-0.002"):
        for step in range(-30, 31):
            seen = after(view(start), view(str(D(step) / 10000), now=2000.0))
            wake = GUARD.wake(seen)

            for bound in (wake.rate_low, wake.rate_high):
                if bound is not None:
                    there = attrs.evolve(view(str(bound), now=2000.0), memory=seen.memory)
                    assert GUARD.remember(there) == seen.memory


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_that_do_nothing_are_refused() -> None:
    """Neither factors nor minutes; and factors without a spread that they could multiply."""
    idle = attrs.evolve(SETTINGS, paying_factor=D(1), receiving_factor=D(1))
    assert set(dict(attrs.evolve(idle, withhold_minutes=0.0).faults())) == {"paying_factor"}
    assert not dict(idle.faults())
    request = RiskRequest(
        leverage=10,
        is_isolated=False,
        long_profit_taking_spread=D(0),
        short_profit_taking_spread=D(0),
        stop_loss_spread=None,
    )
    assert set(dict(check(SETTINGS, request))) == {"paying_factor"}
    assert not dict(check(idle, request))
    assert not dict(check(SETTINGS, attrs.evolve(request, short_profit_taking_spread=D("0.01"))))


def test_what_it_can_do_nothing_about_is_said_before_the_start() -> None:
    """A market without funding, and an interval no longer than the minutes before it."""
    assert not [*GUARD.advise(view("0"))]
    assert "no funding rate" in next(iter(GUARD.advise(view(None))))
    hourly = FundingGuard(attrs.evolve(SETTINGS, withhold_minutes=60.0), make_instrument())
    assert "the interval of 1 h" in next(iter(hourly.advise(view("0", interval_h=1))))
