"""Account and funding as a view shows them: the venue's own words, and how old each is."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from perpmaker.model.account import AccountFacts, AccountSnapshot
from perpmaker.model.event import Channel, InstrumentChanged, MarkChanged, Resynced, StreamLost
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.position import Position
from perpmaker.model.reading import AccountReported
from perpmaker.state.state import State
from perpmaker.state.view import Mode, View
from perpmaker.testing.view import make_account, make_instrument

D = Decimal
ACCOUNT = make_account(equity=D(1000), initial_margin=D(700), maintenance_margin=D(50), asked_at=10.0)


def make_state() -> State:
    """A state that knows nothing."""
    return State(make_instrument(), position_mode=PositionMode.ONE_WAY, leverage=5, fence_s=1.0, is_ours=lambda _: True)


def view_of(state: State, now: float) -> View:
    """What is seen at a moment."""
    return state.view(now, mode=Mode.RUN, mode_reason="", memory=None)


def read(state: State, account: AccountSnapshot, now: float) -> None:
    """Take in a complete reading."""
    began_at = account.asked_at
    state.fold(Resynced(account=account, orders=(), fills=(), finished=(), venue_ms=1, began_at=began_at), now)


def test_what_was_never_told_is_not_known_and_old() -> None:
    """No zero stands for it, and its age has no end."""
    view = view_of(make_state(), 5.0)
    assert (view.account, view.account_age_s, view.is_account_old) == (AccountFacts(), inf, True)
    assert (view.account.free_margin, view.account.margin_ratio) == (None, None)
    assert (view.funding.rate, view.funding.next_ms, view.funding.next_at, view.funding.is_old) == (
        None,
        None,
        None,
        True,
    )


def test_the_free_share_is_by_the_initial_margin_and_the_ratio_by_the_venues() -> None:
    """(1000 - 700) / 1000, and 50 / 1000."""
    state = make_state()
    read(state, ACCOUNT, 10.5)
    facts = view_of(state, 11.0).account
    assert (facts.free_margin, facts.margin_ratio) == (D("0.3"), D("0.05"))


def test_without_equity_nothing_is_free_and_no_ratio_is_told() -> None:
    """An empty account, one that owes, and one that binds more than it has."""
    cases = [("0", "0", D(0)), ("-5", "1", D(0)), ("100", "150", D("-0.5"))]

    for equity, bound, free in cases:
        facts = AccountFacts(equity=D(equity), initial_margin=D(bound), maintenance_margin=D(1))
        assert facts.free_margin == free
        assert (facts.margin_ratio is None) is (D(equity) <= 0)


def test_nothing_is_invented_between_readings() -> None:
    """However the market moves, the figures stay the venue's, and only grow old: after a minute they are."""
    state = make_state()
    read(state, ACCOUNT, 10.5)
    before = state.version
    state.fold(MarkChanged(mark=D(50), index=None, funding_rate=None, next_funding_ms=None, venue_ms=2), 60.0)
    young, old = view_of(state, 70.0), view_of(state, 70.1)
    assert young.account == old.account
    assert (young.account_age_s, young.is_account_old, old.is_account_old) == (60.0, False, True)
    state.fold(AccountReported(account=make_account(equity=D(900), initial_margin=D(0), asked_at=75.0)), 75.1)
    assert view_of(state, 76.0).account.free_margin == 1
    assert state.version > before


def test_an_older_reading_that_comes_late_changes_nothing() -> None:
    """The newest question counts."""
    state = make_state()
    read(state, ACCOUNT, 10.5)
    state.fold(AccountReported(account=make_account(equity=D(5), asked_at=9.0)), 11.0)
    assert view_of(state, 11.0).account.equity == 1000


def test_the_venues_liquidation_price_is_in_the_position() -> None:
    """As it was read."""
    held = Position(side=PositionSide.NET, amount=D(1), entry=D(100), liquidation=D(80), venue_ms=1)
    state = make_state()
    read(state, make_account(held), 10.0)
    assert view_of(state, 10.0).positions[PositionSide.NET].liquidation == 80


def test_the_next_payment_is_told_on_both_clocks() -> None:
    """The venue's clock was measured: its time, and the moment of ours at which it will show that."""
    state = make_state()
    state.clock.measure(1_000_000, 10.0, 0.0)
    rate = D("0.0003")
    state.fold(MarkChanged(mark=D(50), index=None, funding_rate=rate, next_funding_ms=1_900_000, venue_ms=2), 20.0)
    funding = view_of(state, 25.0).funding
    assert (funding.rate, funding.next_ms, funding.next_at, funding.interval_h) == (rate, 1_900_000, 910.0, 8)
    assert (funding.age_s, funding.is_old) == (5.0, False)
    assert view_of(state, 81.0).funding.is_old


def test_the_interval_is_the_venues_and_may_change() -> None:
    """New rules of the market bring a new one; a lost stream makes the rate old at once."""
    state = make_state()
    state.fold(MarkChanged(mark=D(50), index=None, funding_rate=D(0), next_funding_ms=9, venue_ms=2), 20.0)
    state.fold(InstrumentChanged(instrument=make_instrument(funding_interval_h=4)), 21.0)
    assert view_of(state, 21.0).funding.interval_h == 4
    state.fold(StreamLost(channel=Channel.MARK, reason="gone"), 21.0)
    assert view_of(state, 21.0).funding.is_old
