"""The ladder: which price and amount each level would have, before anything is held against it.

Level i (from 0) of side s stands at reference x (1 - s.sign x (spread + i x level spread)) with order amount + i x
level amount. All arithmetic is on integers, so that rounding happens once, at the end, and away from the market.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.quote import Reason, Rule
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.settings import StrategySettings

SIDES = (Side.BUY, Side.SELL)


@attrs.frozen(kw_only=True)
class Level:
    """A level of the ladder: its price is reference x `over` / `under`, its amount is fixed.

    `reasons` is the part of the chain that never changes: the spread and the amount.
    """

    slot: Slot
    over: int
    under: int
    lots: int
    reasons: tuple[Reason, ...]


def build_ladder(
    settings: StrategySettings, instrument: Instrument, mode: PositionMode, leverage: int
) -> dict[Side, tuple[Level, ...]]:
    """The levels of both sides, from the market outward."""
    factor = leverage if settings.order_amount_basis == "margin" else 1
    spreads = {Side.BUY: settings.bid_spread, Side.SELL: settings.ask_spread}

    return {
        side: tuple(
            _level(
                Slot(OrderKind.QUOTE, side, index, position_side_of(side, mode)),
                spreads[side] + index * settings.order_level_spread,
                (settings.order_amount + index * settings.order_level_amount) * factor,
                instrument,
            )
            for index in range(settings.order_levels)
        )
        for side in SIDES
    }


def position_side_of(side: Side, mode: PositionMode) -> PositionSide:
    """The position that a quote of this side acts on: in Hedge each side opens its own."""
    if mode is PositionMode.ONE_WAY:
        return PositionSide.NET

    return PositionSide.LONG if side is Side.BUY else PositionSide.SHORT


def level_ticks(level: Level, reference: Reference) -> int:
    """The level's price at this reference: bids rounded down to the tick, asks up."""
    over, under = reference.numerator * level.over, reference.denominator * level.under

    return over // under if level.slot.side is Side.BUY else -(-over // under)


def _level(slot: Slot, spread: Decimal, amount: Decimal, instrument: Instrument) -> Level:
    """One level at this spread (a fraction) from the reference."""
    over, under = (1 - slot.side.sign * spread).as_integer_ratio()

    return Level(
        slot=slot,
        over=over,
        under=under,
        lots=instrument.lots_down(amount),
        reasons=(
            Reason(Rule.SPREAD, f"{spread * 100:f} % {'below' if slot.side is Side.BUY else 'above'}", spread),
            Reason(Rule.ROUNDING, "amount down to the lot", amount),
        ),
    )
