"""Profit taking: one closing limit order for the whole position, at a distance from its entry price."""

from __future__ import annotations

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Reason, Rule, TakeProfit, opening_side


def take_profit(settings: ExitSettings, instrument: Instrument, position: Position, lots: int) -> TakeProfit:
    """Return the target of a position of at least one lot.

    Rounded away from the market, so never less than asked for.

    `lots` are those to close; more than the market takes in one order is closed by one order after the other.
    """
    sign = 1 if position.amount > 0 else -1
    side = opening_side(position.side, sign).opposite
    spread = settings.long_profit_taking_spread if sign > 0 else settings.short_profit_taking_spread
    price = position.entry * (1 + sign * spread)
    ticks = max(1, instrument.ticks_up(price) if sign > 0 else instrument.ticks_down(price))
    reasons = (
        Reason(Rule.TARGET, "average entry price", position.entry),
        Reason(Rule.TARGET, "profit taking at this distance", spread),
        Reason(Rule.ROUNDING, "price away from the market to the tick", instrument.price(ticks)),
    )

    return TakeProfit(
        slot=Slot(OrderKind.TAKE_PROFIT, side, 0, position.side),
        ticks=ticks,
        lots=min(lots, instrument.lots_down(instrument.max_amount)),
        reasons=reasons,
    )
