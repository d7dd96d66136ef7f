"""Positions that nothing can be decided for now: what rests for them stays, nothing is sent.

Such is dust, what is left of a position when it is less than the smallest order: a target or a stop that was executed
but for this rest may still close it. And such is a position whose entry price is being waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker.exits.guard import as_it_rests
from perpmaker.model.order import OrderKind, OrderStatus, PositionSide
from perpmaker.model.quote import Exit, Reason, Rule, StopLoss, TakeProfit
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import Mode, View

DUST = Reason(Rule.MIN_AMOUNT, "the position is dust: what rests for it stays, nothing is sent")
UNPRICED = Reason(Rule.TARGET, "the entry price is not known yet: what rests stays")

_STAYS = frozenset({OrderStatus.PENDING, OrderStatus.OPEN})


def stay(view: View, side: PositionSide, lots: int, why: Reason) -> Iterator[Exit]:
    """Yield the exits of this position that rest, or are on their way, for no more than its lots.

    None on the way to flat.
    """
    if view.mode is Mode.FLATTEN:
        return

    for slot, order in view.orders.items():
        if slot.kind.is_exit and slot.position_side is side and order.status in _STAYS:
            yield from _as_it_rests(order, lots, why)


def _as_it_rests(order: WorkingOrder, lots: int, why: Reason) -> Iterator[Exit]:
    slot, ticks, left = order.slot, order.order.ticks, order.remaining_lots

    if ticks is None:
        return

    if slot.kind is OrderKind.VENUE_STOP:
        yield as_it_rests(order.order, why)
    elif left <= lots and slot.kind is OrderKind.TAKE_PROFIT:
        yield TakeProfit(slot=slot, ticks=ticks, lots=left, reasons=(why,))
    elif left <= lots and slot.kind is OrderKind.STOP_LOSS:
        yield StopLoss(slot=slot, ticks=ticks, lots=left, type=order.order.type, reasons=(why,))
