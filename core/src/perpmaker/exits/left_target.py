"""The target that is left on the venue at an end, where a resting one could open what it should close.

It waits for its price and is capped by the venue then, as a stop is: so both may be left beside each other.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from perpmaker.exits import retry
from perpmaker.exits.close_out import Leaving
from perpmaker.exits.memory import ExitMemory
from perpmaker.exits.wake import by
from perpmaker.model.order import OrderKind
from perpmaker.model.quote import Reason, Rule, TakeProfit, VenueTarget, Wake
from perpmaker.state.view import View

WHY = Reason(Rule.TARGET, "the venue does not cap a resting target: it waits there for its price, as the stop does")


def leave_target(view: View, memory: ExitMemory, target: TakeProfit, buffer: Decimal, wake: Wake) -> Leaving:
    """Want the target of a position as one that the venue fires; nothing while a resting one is live.

    Args:
        view: What is decided from.
        memory: What was refused before.
        target: The target as it would rest.
        buffer: How far beyond its price it may execute, as a share of it: one that crosses nothing is gone.
        wake: When to look again anyway.
    """
    slot = target.slot._replace(kind=OrderKind.VENUE_TARGET)
    live = (*view.orders.values(), *view.beside)

    if any(one.slot.kind is OrderKind.TAKE_PROFIT and one.slot.position_side is slot.position_side for one in live):
        return Leaving(exits=(), wake=wake)

    limit = target.ticks * (1 + slot.side.sign * buffer)
    rounding = ROUND_FLOOR if slot.side.sign > 0 else ROUND_CEILING
    wanted = VenueTarget(
        slot=slot,
        ticks=target.ticks,
        lots=target.lots,
        limit=int(limit.to_integral_value(rounding)),
        reasons=(*target.reasons, WHY),
    )

    if slot in view.orders or (again := retry.waits_until(view, memory.failed.get(slot))) is None:
        return Leaving(exits=(wanted,), wake=wake)

    return Leaving(exits=(), awaited=(wanted,), wake=by(view, wake, again))
