"""What is held when everything fills: the worked examples of the specification, and what surrounds them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import MarginTier
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.position import MarginMode, Position
from perpmaker.report.preflight_fill import Filled, Money, hold
from perpmaker.testing.view import make_instrument, make_position, make_view

CENT = Decimal("0.01")
ONE_TIER = (
    MarginTier(
        floor=Decimal(0),
        cap=Decimal("Infinity"),
        maintenance_ratio=Decimal("0.01"),
        deduction=Decimal(0),
        max_leverage=125,
    ),
)


def held(
    amount: str,
    entry: str,
    *,
    leverage: int = 10,
    mode: MarginMode | None = MarginMode.ISOLATED,
    rate: str | None = "0.0001",
    wallet: str = "1000",
    exits: ExitSettings | None = None,
    before: Position | None = None,
    **market: Any,
) -> Filled:
    """A position in a market of one tier at 1 %."""
    view = make_view(instrument=make_instrument(**{"tiers": ONE_TIER, **market}), leverage=leverage)
    money = Money(
        leverage=leverage,
        margin_mode=mode,
        wallet=Decimal(wallet),
        funding_rate=None if rate is None else Decimal(rate),
    )
    position = make_position(amount, entry)[PositionSide.NET]

    return hold(view, exits or ExitSettings(), money, position, before or Position(side=PositionSide.NET))


def test_liquidation_is_that_of_the_worked_example() -> None:
    """Entry 50000, leverage 10, maintenance 1 %: exact and by the rule of thumb, long and short."""
    for amount, exact, thumb in [("0.1", "45454.55", "45500.00"), ("-0.1", "54455.45", "54500.00")]:
        filled = held(amount, "50000")
        assert filled.liquidation is not None
        assert filled.liquidation.quantize(CENT) == Decimal(exact)
        assert filled.liquidation_rule_of_thumb.quantize(CENT) == Decimal(thumb)
        assert filled.formula == "isolated, the venue's tiers"


def test_liquidation_follows_the_venues_tiers() -> None:
    """0.1 at 50000 in a tier of 5 % with deduction 100: (50000 - 6000) / 0.95."""
    tiers = (
        MarginTier(
            floor=Decimal(0),
            cap=Decimal(3000),
            maintenance_ratio=Decimal("0.01"),
            deduction=Decimal(0),
            max_leverage=50,
        ),
        MarginTier(
            floor=Decimal(3000),
            cap=Decimal(9000),
            maintenance_ratio=Decimal("0.05"),
            deduction=Decimal(100),
            max_leverage=10,
        ),
    )
    filled = held("0.1", "50000", tiers=tiers)
    assert filled.liquidation is not None
    assert filled.liquidation.quantize(CENT) == Decimal("46315.79")
    assert filled.maintenance == Decimal(150)


def test_cross_margin_has_the_whole_wallet_behind_it() -> None:
    """0.1 at 50000 with 1000 in the wallet: (50000 - 10000) / 0.99; with 5000 no price liquidates."""
    filled = held("0.1", "50000", mode=MarginMode.CROSS)
    assert filled.liquidation is not None
    assert filled.liquidation.quantize(CENT) == Decimal("40404.04")
    assert filled.formula == "cross: the whole wallet behind it, the venue's tiers"
    assert held("0.1", "50000", mode=MarginMode.CROSS, wallet="5000").liquidation is None


def test_unknown_margin_mode_is_taken_for_isolated_and_said() -> None:
    """Isolated liquidates earlier, so it is the careful assumption."""
    filled = held("0.1", "50000", mode=None)
    assert filled.liquidation == held("0.1", "50000").liquidation
    assert filled.formula == "isolated assumed: margin mode not read, the venue's tiers"


def test_margin_of_an_isolated_position_that_grows_is_the_venues_plus_the_new() -> None:
    """A position that was given margin by hand keeps it: 1000 for the first 0.1, 500 for what is added."""
    before = Position(side=PositionSide.NET, amount=Decimal("0.1"), entry=Decimal(50000), isolated_margin=Decimal(1000))
    filled = held("0.2", "50000", before=before)
    assert filled.liquidation is not None
    assert filled.liquidation.quantize(CENT) == Decimal("42929.29")


def test_margin_is_notional_by_leverage() -> None:
    """Leverage changes the margin, not the exposure."""
    low, high = held("0.1", "50000", leverage=2), held("0.1", "50000", leverage=10)
    assert (low.notional, low.margin) == (Decimal(5000), Decimal(2500))
    assert (high.notional, high.margin) == (Decimal(5000), Decimal(500))


def test_funding_of_a_day_is_signed_by_side_and_follows_the_interval() -> None:
    """1000 notional: |notional| x rate x 24 h / interval; the day's target is 1.5 times that, 0 when it is received."""
    for amount, rate, hours, cost, target in [
        ("10", "0.0001", 8, "0.3", "0.45"),
        ("-10", "0.0001", 8, "-0.3", "0"),
        ("-10", "-0.0001", 8, "0.3", "0.45"),
        ("10", "0.0001", 4, "0.6", "0.90"),
        ("10", "0.0001", 1, "2.4", "3.60"),
    ]:
        filled = held(amount, "100", rate=rate, funding_interval_h=hours)
        assert filled.funding_day == Decimal(cost)
        assert filled.min_daily_profit_target == Decimal(target)


def test_unknown_funding_stays_unknown() -> None:
    """Without a rate nothing is made up."""
    filled = held("10", "100", rate=None)
    assert (filled.funding_day, filled.min_daily_profit_target, filled.break_even_day) == (None, None, None)


def test_stop_of_the_worked_example() -> None:
    """Long 1 at 100, stop 3 %, buffer 0.5 %: fires at 97.00, and a limit of then 96.52 loses 3.48."""
    exits = ExitSettings(stop_loss_spread=Decimal("0.03"))
    filled = held("1", "100", leverage=1, exits=exits)
    assert (filled.stop, filled.loss_at_stop, filled.loss_at_limit) == (Decimal(97), Decimal(3), Decimal("3.48"))


def test_a_stop_without_a_limit_has_no_worst_price() -> None:
    """A market order takes what is there: no figure bounds it."""
    for order in ["market", "venue"]:
        filled = held(
            "1", "100", leverage=1, exits=ExitSettings(stop_loss_spread=Decimal("0.03"), stop_loss_order=order)
        )
        assert (filled.loss_at_stop, filled.loss_at_limit) == (Decimal(3), None)


def test_loss_at_stop_pays_the_maker_in_and_the_taker_out() -> None:
    """Short 1 at 100, stop at 103: 3, and 0.02 for the entry, and 0.0515 for the way out."""
    exits = ExitSettings(stop_loss_spread=Decimal("0.03"))
    filled = held("-1", "100", exits=exits, maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"))
    assert filled.stop == Decimal(103)
    assert filled.loss_at_stop == Decimal("3.0715")


def test_without_a_stop_there_is_no_loss_to_tell() -> None:
    """The loss without a stop loss is bounded by liquidation alone."""
    assert (held("1", "100").stop, held("1", "100").loss_at_stop) == (None, None)


def test_profit_at_target_is_after_both_makers_fees() -> None:
    """1 % of 100, less 0.02 % of both ways."""
    for amount, target, profit in [("1", "101.00", "0.9598"), ("-1", "99.00", "0.9602")]:
        exits = ExitSettings(long_profit_taking_spread=Decimal("0.01"), short_profit_taking_spread=Decimal("0.01"))
        filled = held(amount, "100", exits=exits, maker_fee=Decimal("0.0002"))
        assert (filled.target, filled.profit_at_target) == (Decimal(target), Decimal(profit))


def test_break_even_pays_exactly_for_both_ways() -> None:
    """Leaving at the break-even price brings nothing and costs nothing."""
    for amount in ["1", "-1"]:
        fee = Decimal("0.0002")
        filled = held(amount, "100", maker_fee=fee)
        out = 100 * (1 + filled.sign * filled.break_even)
        assert abs(filled.sign * (out - 100) - (100 + out) * fee) < Decimal("1e-20")
        assert filled.break_even_day == filled.break_even + filled.sign * Decimal("0.0003")


def test_stop_behind_liquidation_is_too_late() -> None:
    """At leverage 10 liquidation is about 9 % away: stop and buffer may reach four fifths of that, 7.2 %."""
    for amount, spread, late in [
        ("1", "0.065", False),
        ("1", "0.08", True),
        ("-1", "0.065", False),
        ("-1", "0.08", True),
    ]:
        exits = ExitSettings(stop_loss_spread=Decimal(spread))
        assert held(amount, "100", exits=exits).stops_too_late is late


def test_other_hedge_position_counts_for_cross_margin() -> None:
    """The short's unrealised profit, less its maintenance margin, stands behind the long."""
    short = Position(side=PositionSide.SHORT, amount=Decimal(-1), entry=Decimal(110))
    view = make_view(
        instrument=make_instrument(tiers=ONE_TIER),
        position_mode=PositionMode.HEDGE,
        positions={PositionSide.LONG: Position(side=PositionSide.LONG), PositionSide.SHORT: short},
    )
    money = Money(leverage=10, margin_mode=MarginMode.CROSS, wallet=Decimal(10), funding_rate=None)
    position = Position(side=PositionSide.LONG, amount=Decimal(1), entry=Decimal(100))
    filled = hold(view, ExitSettings(), money, position, Position(side=PositionSide.LONG))
    assert filled.liquidation == (100 - (Decimal(10) + 10 - 1)) / Decimal("0.99")
