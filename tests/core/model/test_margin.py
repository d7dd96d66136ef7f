from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.instrument import MarginTier
from perpmaker.model.margin import (
    approximate_liquidation,
    free_margin_share,
    initial_margin,
    largest_notional,
    liquidation_price,
    maintenance_margin,
    tier_of,
)

CENT = Decimal("0.01")


def tier(floor: int, cap: int, ratio: str, deduction: str, leverage: int) -> MarginTier:
    """A tier in short."""
    return MarginTier(
        floor=Decimal(floor),
        cap=Decimal(cap),
        maintenance_ratio=Decimal(ratio),
        deduction=Decimal(deduction),
        max_leverage=leverage,
    )


ONE_TIER = (tier(0, 10**12, "0.01", "0", 100),)
TIERS = (
    tier(0, 50_000, "0.004", "0", 125),
    tier(50_000, 500_000, "0.005", "50", 100),
    tier(500_000, 8_000_000, "0.01", "2550", 50),
)


def test_rule_of_thumb_gives_the_documented_numbers() -> None:
    """Entry 50000, leverage 10 and a ratio of 0.01 give 45500 for a long and 54500 for a short."""
    for sign, expected in [(1, "45500"), (-1, "54500")]:
        price = approximate_liquidation(
            entry=Decimal(50_000), leverage=10, maintenance_ratio=Decimal("0.01"), sign=sign
        )

        assert price == Decimal(expected)


def test_exact_isolated_liquidation_gives_the_documented_numbers() -> None:
    """The exact figures of the same position are 45454.55 and 54455.45."""
    for amount, expected in [(1, "45454.55"), (-1, "54455.45")]:
        price = liquidation_price(ONE_TIER, amount=Decimal(amount), entry=Decimal(50_000), margin=Decimal(5_000))

        assert price is not None
        assert price.quantize(CENT) == Decimal(expected)


def test_margin_is_notional_over_leverage() -> None:
    """The initial margin has no sign."""
    assert initial_margin(Decimal(-600), 3) == Decimal(200)


def test_maintenance_is_continuous_at_the_edge_of_a_tier() -> None:
    """The deduction makes both tiers say the same at their common edge."""
    assert maintenance_margin(TIERS, Decimal(50_000)) == Decimal(200)
    assert Decimal(50_000) * TIERS[1].maintenance_ratio - TIERS[1].deduction == Decimal(200)


def test_tier_is_found_by_the_size_of_the_notional() -> None:
    """A cap belongs to its tier, and above all caps the last tier holds."""
    for notional, index in [(0, 0), (50_000, 0), (50_001, 1), (-600_000, 2), (10**9, 2)]:
        assert tier_of(TIERS, Decimal(notional)) is TIERS[index]


def test_without_tiers_nothing_is_demanded() -> None:
    """A venue that publishes no tiers has no maintenance margin here, and a long dies where its margin is gone."""
    assert maintenance_margin((), Decimal(1_000)) == 0
    assert largest_notional((), 1000) is None
    assert liquidation_price((), amount=Decimal(1), entry=Decimal(100), margin=Decimal(10)) == Decimal(90)


def test_largest_notional_is_the_last_tier_that_allows_the_leverage() -> None:
    """A higher leverage holds less, and one above the market's maximum nothing."""
    for leverage, most in [(125, 50_000), (101, 50_000), (60, 500_000), (1, 8_000_000), (126, 0)]:
        assert largest_notional(TIERS, leverage) == Decimal(most)


def test_position_backed_by_more_than_it_can_lose_is_never_liquidated() -> None:
    """A long with its whole notional behind it has no liquidation price, and neither has no position at all."""
    assert liquidation_price(TIERS, amount=Decimal(1), entry=Decimal(100), margin=Decimal(200)) is None
    assert liquidation_price(TIERS, amount=Decimal(0), entry=Decimal(100), margin=Decimal(200)) is None


def test_free_share_is_what_maintenance_leaves_of_the_equity() -> None:
    """Equity 1000 with 250 of maintenance leaves 75 %, and no equity leaves nothing."""
    assert free_margin_share(Decimal(1_000), Decimal(250)) == Decimal("0.75")
    assert free_margin_share(Decimal(0), Decimal(1)) == 0


@given(
    milli=st.integers(min_value=1, max_value=20_000),
    short=st.booleans(),
    leverage=st.integers(min_value=2, max_value=50),
)
def test_equity_is_the_maintenance_margin_at_the_price_of_liquidation(milli: int, short: bool, leverage: int) -> None:
    """Whatever the tier, at the liquidation price nothing is left above the maintenance margin of that price."""
    amount = Decimal(milli) / 1000 * (-1 if short else 1)
    entry = Decimal(60_000)
    margin = initial_margin(amount * entry, leverage)
    price = liquidation_price(TIERS, amount=amount, entry=entry, margin=margin)

    if price is not None and abs(amount) * max(price, entry) <= TIERS[-1].cap:
        equity = margin + amount * (price - entry)

        assert abs(equity - maintenance_margin(TIERS, amount * price)) < Decimal("1e-9")
