from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.strategy.ladder import SIDES, build_ladder, ladder_ticks
from perpmaker.strategy.reference import Reference, read_reference
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.view import make_book, make_instrument, make_view

Make = Callable[..., StrategySettings]


def prices(settings: StrategySettings, bid: int = 9999, ask: int = 10001) -> dict[Side, list[int]]:
    """The prices in ticks of a ladder around this book."""
    view = make_view(book=make_book(bid, ask))
    reference = read_reference(view, "mid_price", 10.0)
    assert isinstance(reference, Reference)
    ladder = build_ladder(settings, view.instrument, PositionMode.ONE_WAY, 1)

    return {side: ladder_ticks(side, ladder[side], reference) for side in SIDES}


def lots(settings: StrategySettings, leverage: int = 1, **instrument: Any) -> list[int]:
    """The amounts in lots of the bids of a ladder."""
    ladder = build_ladder(settings, make_instrument(**instrument), PositionMode.ONE_WAY, leverage)

    return [level.lots for level in ladder[Side.BUY]]


def test_levels_stand_at_spread_plus_level_spread(settings: Make) -> None:
    """Level i stands at reference x (1 -/+ spread -/+ i x order_level_spread)."""
    made = prices(settings(bid_spread="0.01", ask_spread="0.02", order_levels=3, order_level_spread="0.005"))

    assert made == {Side.BUY: [9900, 9850, 9800], Side.SELL: [10200, 10250, 10300]}


def test_bids_round_down_and_asks_up(settings: Make) -> None:
    """A price between two ticks goes away from the market, as the last step."""
    made = prices(settings(bid_spread="0.001", ask_spread="0.001"), 9998, 10001)

    assert made == {Side.BUY: [9989], Side.SELL: [10010]}  # 99.995 x 0.999 = 99.895005, x 1.001 = 100.094995


def test_amounts_grow_by_level_and_round_down_to_the_lot(settings: Make) -> None:
    """Level i has order_amount + i x order_level_amount, rounded down to the lot."""
    assert lots(settings(order_amount="0.0105", order_levels=3, order_level_amount="0.005")) == [10, 15, 20]


def test_margin_basis_multiplies_every_amount_by_leverage(settings: Make) -> None:
    """With order_amount_basis = margin all amounts are multiplied by leverage."""
    made = settings(order_amount="0.01", order_levels=2, order_level_amount="0.001", order_amount_basis="margin")

    assert lots(made, leverage=5) == [50, 55]


def test_order_override_replaces_spreads_and_amounts(settings: Make) -> None:
    """Override rows are the ladder, each side from the market outward; a side without rows has no levels."""
    rows = {
        "far": ("buy", Decimal("0.02"), Decimal(2)),
        "near": ("buy", Decimal("0.01"), Decimal(1)),
        "up": ("sell", Decimal("0.03"), Decimal(3)),
    }

    assert prices(settings(order_override=rows, order_levels=7)) == {Side.BUY: [9900, 9800], Side.SELL: [10300]}
    assert lots(settings(order_override=rows)) == [1000, 2000]


def test_in_hedge_each_side_opens_its_own_position(settings: Make) -> None:
    """Bids open the long position, asks the short one."""
    ladder = build_ladder(settings(), make_instrument(), PositionMode.HEDGE, 1)

    assert ladder[Side.BUY][0].slot.position_side is PositionSide.LONG
    assert ladder[Side.SELL][0].slot.position_side is PositionSide.SHORT


@given(
    bid=st.integers(1000, 10_000_000),
    gap=st.integers(1, 1000),
    spread=st.decimals("0.0001", "0.2", places=6),
    step=st.decimals("0.0001", "0.05", places=6),
    levels=st.integers(1, 6),
)
def test_bids_are_below_asks_and_levels_are_monotone(
    bid: int, gap: int, spread: Decimal, step: Decimal, levels: int
) -> None:
    """Whatever the numbers: every bid is below the mid, every ask above, and levels go outward."""
    settings = StrategySettings(
        bid_spread=spread,
        ask_spread=spread,
        order_amount=Decimal(1),
        order_refresh_time=30.0,
        order_levels=levels,
        order_level_spread=step,
    )
    made = prices(settings, bid, bid + gap)
    mid = Decimal(2 * bid + gap) / 2

    assert made[Side.BUY] == sorted(made[Side.BUY], reverse=True)
    assert made[Side.SELL] == sorted(made[Side.SELL])
    assert max(made[Side.BUY]) < mid < min(made[Side.SELL])
    assert all(0 <= mid * (1 - spread - i * step) - ticks < 1 for i, ticks in enumerate(made[Side.BUY]))
    assert all(0 <= ticks - mid * (1 + spread + i * step) < 1 for i, ticks in enumerate(made[Side.SELL]))
