"""The ladder: which price and amount each level would have, before anything is held against it.

Level i (from 0) of side s stands at reference x (1 - s.sign x (spread + i x level spread)) with order amount + i x
level amount. All arithmetic is on integers, so that rounding happens once, at the end, and away from the market.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.quote import Reason, Rule
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.settings import StrategySettings

SIDES = (Side.BUY, Side.SELL)
_BUY, _NET, _ONE_WAY = Side.BUY, PositionSide.NET, PositionMode.ONE_WAY


@attrs.frozen(kw_only=True)
class Level:
    """A level of the ladder: its price is reference x `over` / `under`, its amount is fixed.

    `spread` is its distance as a fraction; `reasons` is the part of the chain that never changes.
    """

    slot: Slot
    spread: Decimal
    over: int
    under: int
    lots: int
    reasons: tuple[Reason, ...]


def build_ladder(
    settings: StrategySettings, instrument: Instrument, mode: PositionMode, leverage: int
) -> dict[Side, tuple[Level, ...]]:
    """Return the levels of both sides, from the market outward. order_override replaces spreads and amounts."""
    factor = leverage if settings.order_amount_basis == "margin" else 1
    rule = Rule.OVERRIDE if settings.order_override else Rule.SPREAD

    return {
        side: tuple(
            _level(
                Slot(OrderKind.QUOTE, side, index, position_side_of(side, mode)),
                spread,
                amount * factor,
                instrument,
                rule,
            )
            for index, (spread, amount) in enumerate(_rungs(settings, side))
        )
        for side in SIDES
    }


def position_side_of(side: Side, mode: PositionMode) -> PositionSide:
    """Return the position that a quote of this side acts on: in Hedge each side opens its own."""
    if mode is _ONE_WAY:
        return _NET

    return PositionSide.LONG if side is Side.BUY else PositionSide.SHORT


def ladder_ticks(side: Side, ladder: Sequence[Level], reference: Reference) -> list[int]:
    """Return the prices of a side's levels at this reference, in ticks, away from the market."""
    over, under = reference.numerator, reference.denominator

    if side is _BUY:
        return [over * level.over // (under * level.under) for level in ladder]

    return [-(-over * level.over // (under * level.under)) for level in ladder]


def round_away(side: Side, over: int, under: int) -> int:
    """Return the ticks of over / under, away from the market: bids rounded down, asks up."""
    return over // under if side is Side.BUY else -(-over // under)


def nearest_ticks(side: Side, reference: Reference, distance: Decimal) -> int:
    """Return the price at this distance (a fraction) from a reference in ticks, rounded away from it."""
    over, under = (1 - side.sign * distance).as_integer_ratio()

    return round_away(side, reference.numerator * over, reference.denominator * under)


def least_distance(settings: StrategySettings, instrument: Instrument) -> Decimal:
    """Return how near to the reference a quote may be moved: the larger of minimum_spread and maker fee, a fraction.

    A rebate, or a minimum below zero, lets no quote cross the reference.
    """
    return max(Decimal(0), instrument.maker_fee, settings.minimum_spread or Decimal(0))


def _rungs(settings: StrategySettings, side: Side) -> list[tuple[Decimal, Decimal]]:
    """Spread and amount of each level of a side, from the market outward."""
    if settings.order_override:
        rows = [row for row in settings.order_override.values() if row[0] == side.value]

        return sorted(((spread, amount) for _, spread, amount in rows), key=lambda rung: rung[0])

    spread = settings.bid_spread if side is Side.BUY else settings.ask_spread

    return [
        (spread + index * settings.order_level_spread, settings.order_amount + index * settings.order_level_amount)
        for index in range(settings.order_levels)
    ]


def _level(slot: Slot, spread: Decimal, amount: Decimal, instrument: Instrument, rule: Rule) -> Level:
    """One level at this spread (a fraction) from the reference."""
    over, under = (1 - slot.side.sign * spread).as_integer_ratio()
    place = "below" if slot.side is Side.BUY else "above"

    return Level(
        slot=slot,
        spread=spread,
        over=over,
        under=under,
        lots=instrument.lots_down(amount),
        reasons=(
            Reason(rule, f"{(spread * 100).normalize():f} % {place} the reference", spread),
            Reason(Rule.ROUNDING, "amount down to the lot", amount),
        ),
    )
