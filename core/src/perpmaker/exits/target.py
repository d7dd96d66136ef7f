"""Profit taking: one closing limit order for the whole position, at a distance from its entry price."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Reason, Rule, TakeProfit, TargetFactors, opening_side

_UNCHANGED = TargetFactors()


def take_profit(
    settings: ExitSettings,
    instrument: Instrument,
    position: Position,
    lots: int,
    factors: TargetFactors = _UNCHANGED,
) -> TakeProfit:
    """Return the target of a position of at least one lot.

    Rounded away from the market, so never less than asked for.

    `lots` are those to close; more than the market takes in one order is closed by one order after the other.
    `factors`: by how much a risk module changes the distance.
    """
    sign = 1 if position.amount > 0 else -1
    side = opening_side(position.side, sign).opposite
    spread = settings.long_profit_taking_spread if sign > 0 else settings.short_profit_taking_spread
    factor = factors.long if sign > 0 else factors.short
    price = position.entry * (1 + sign * spread * factor)
    ticks = max(1, instrument.ticks_up(price) if sign > 0 else instrument.ticks_down(price))
    reasons = (
        Reason(Rule.TARGET, "average entry price", position.entry),
        Reason(Rule.TARGET, "profit taking at this distance", spread),
        *_changed(factors, factor),
        Reason(Rule.ROUNDING, "price away from the market to the tick", instrument.price(ticks)),
    )

    return TakeProfit(
        slot=Slot(OrderKind.TAKE_PROFIT, side, 0, position.side),
        ticks=ticks,
        lots=min(lots, instrument.lots_down(instrument.max_amount)),
        reasons=reasons,
    )


def _changed(factors: TargetFactors, factor: Decimal) -> tuple[Reason, ...]:
    """Why the distance is another one than is set; nothing where it is not."""
    if factor == 1:
        return ()

    return (Reason(Rule.RISK, f"{factors.module}: {factors.reason}; the distance is multiplied by", factor),)
