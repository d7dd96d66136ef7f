"""What a market may come to hold: its positions, and every order that may still add to them."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.state.state import State

_HEDGE = ((Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT))
_ZERO = Decimal(0)


def exposure(state: State) -> Decimal:
    """Return the largest notional that a market may come to hold, in quote asset.

    Long and short together in Hedge mode; the larger of the two in One-way, where each takes the other's place.
    """
    if state.position_mode is PositionMode.HEDGE:
        return sum((_reach(state, side, position_side) for side, position_side in _HEDGE), _ZERO)

    return max(_reach(state, side, PositionSide.NET) for side in Side)


def _reach(state: State, side: Side, position_side: PositionSide) -> Decimal:
    """What is held on one side, at the mark price, with all orders that add to it, at the worst of their prices."""
    instrument, position = state.instrument, state.positions()[position_side]
    held = position.amount * (state.market.mark or position.entry)
    notional = max(_ZERO, side.sign * held)

    for order in state.orders.working():
        slot = order.slot

        if slot.side is side and slot.position_side is position_side and not order.order.reduce_only:
            notional += instrument.amount(order.remaining_lots) * instrument.price(order.highest_ticks)

    return notional
