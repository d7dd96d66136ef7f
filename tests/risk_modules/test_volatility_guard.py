"""`volatility_guard`: which moves are too far, and what it does then."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument
from perpmaker_risk_modules.volatility_guard import MOST, VolatilityGuard, VolatilityGuardSettings

GUARD: dict[str, Any] = {"max_move": 1, "within_s": 10, "calm_s": 20}
CALM: dict[str, Any] = {"bid_spread": 2, "ask_spread": 2, "order_refresh_time": 5}


def guarded(**guard: Any) -> Scenario:
    """A bot with the guard, quoting at 100."""
    scenario = Scenario({**CALM, "risk": {"volatility_guard": {**GUARD, **guard}}})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert scenario.quotes() == ["buy 1 at 98", "sell 1 at 102"]

    return scenario


def go(scenario: Scenario, mid: str) -> None:
    """Move the market to this middle, at once."""
    scenario.book(bid=Decimal(mid) - Decimal("0.1"), ask=Decimal(mid) + Decimal("0.1"))


def test_a_move_too_far_within_the_time_pulls_the_quotes_until_it_is_calm() -> None:
    """1.2 % in 2 s: quotes go with their reason, and come back 20 s after 10 s without such a move."""
    scenario = guarded()
    go(scenario, "100.6")
    scenario.advance(2)
    assert len(scenario.quotes()) > 0
    go(scenario, "101.2")
    scenario.advance(0.1)
    assert scenario.quotes() == []
    assert scenario.mode == "reduce: volatility_guard: the reference has moved by more than 1 % within 10 s"
    assert scenario.why("buy 0")[-1].endswith("the reference has moved by more than 1 % within 10 s")

    scenario.advance(27.8)
    assert scenario.quotes() == []
    scenario.advance(1.2)
    assert scenario.quotes() == ["buy 1 at 99.17", "sell 1 at 103.23"]


def test_the_same_move_in_more_time_is_none() -> None:
    """0.6 % and 0.6 % again, eleven seconds apart; down as up."""
    for there, further in [("100.6", "101.2"), ("99.4", "98.8")]:
        scenario = guarded()
        go(scenario, there)
        scenario.advance(11)
        go(scenario, further)
        scenario.advance(1)
        assert scenario.mode == "run"


def test_a_way_there_and_back_counts() -> None:
    """0.7 % up and 0.7 % down from there is no more than 0.7 % from anywhere; 1.2 % up and down is too far."""
    scenario = guarded()

    for mid in ("100.7", "100", "99.7", "100"):
        go(scenario, mid)
        scenario.advance(1)

    assert scenario.mode == "run"
    go(scenario, "98.9")
    scenario.advance(0.1)
    assert scenario.mode.startswith("reduce: volatility_guard")


def test_quotes_move_away_once_where_that_is_the_action() -> None:
    """By 2 % of their price while it acts, resting ones too, over refreshes; then as before."""
    scenario = guarded(action="widen", widen_by=2)
    go(scenario, "98.8")
    scenario.advance(0.1)
    around = ["buy 1 at 94.88", "sell 1 at 102.8"]  # the ladder around 98.8, moved by 2 %
    assert scenario.quotes() == around
    assert scenario.why("sell 0")[-1] == (
        "risk: volatility_guard: the reference has moved by more than 1 % within 10 s: further away by (0.02)"
    )

    for _ in range(3):
        scenario.advance(5)
        assert scenario.quotes() == around

    scenario.advance(25)
    assert scenario.quotes() == ["buy 1 at 96.82", "sell 1 at 100.78"]


def test_an_external_reference_counts_where_quotes_hang_on_it() -> None:
    """Not the traded book."""
    scenario = Scenario(
        {
            **CALM,
            "price_source": "custom_api",
            "price_source_custom_api": "https://prices.example.com/",
            "price_type": "custom",
            "risk": {"volatility_guard": GUARD},
        }
    )
    scenario.book(bid="99.9", ask="100.1")
    scenario.reference(price="100")
    scenario.advance(1)
    assert scenario.mode == "run"
    scenario.reference(price="101.1")
    scenario.advance(0.1)
    assert scenario.mode.startswith("reduce: volatility_guard")


def test_settings_that_do_not_go_together_are_faults() -> None:
    """Widening needs a distance, pulling has none."""
    move = Decimal("0.01")
    assert [key for key, _ in VolatilityGuardSettings(max_move=move, action="widen").faults()] == ["widen_by"]
    assert [key for key, _ in VolatilityGuardSettings(max_move=move, widen_by=move).faults()] == ["widen_by"]
    assert list(VolatilityGuardSettings(max_move=move, action="widen", widen_by=move).faults()) == []


def test_a_tiny_move_over_a_long_time_is_remembered_in_bounds() -> None:
    """An hour of steps: at most 200 places are kept, the highest and the lowest of all among them."""
    settings = VolatilityGuardSettings(max_move=Decimal("0.01"), within_s=3600)
    guard = VolatilityGuard(settings, make_instrument())
    path: tuple[tuple[float, Decimal], ...] = ()
    longest = 0

    for second in range(3500):
        price = Decimal(100) + Decimal("0.06") * (second % 3)
        price = Decimal("100.9") if second == 20 else Decimal("99.95") if second == 700 else price
        path = guard._followed(path, price, float(second))
        longest = max(longest, len(path))

    assert longest == MOST
    places = [price for _, price in path]
    assert (max(places), min(places)) == (Decimal("100.9"), Decimal("99.95"))
    assert guard._moved_until(path, Decimal("99.88")) is not None  # 1.02 % below the highest
    assert guard._moved_until(path, Decimal(100)) is None
