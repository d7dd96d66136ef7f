"""The stop that rests on the venue: whether the venue has fired it, and how long the local line leaves it to that.

And what it does for a stop order that the venue keeps refusing, because somebody else's closing orders hold the whole
position: those are not ours to cancel, but a stop that closes whatever there is needs no room beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

import attrs

from perpmaker.exits import retry
from perpmaker.exits.memory import ExitMemory, Failed, Fired
from perpmaker.exits.stop import best_against, limit_ticks
from perpmaker.model.order import NewOrder, OrderStatus, PositionSide, Slot, StopTrigger
from perpmaker.model.quote import Reason, Rule, VenueStop
from perpmaker.model.refusal import RefusalReason
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import View

WORKS_WITHIN_S = 1.0
"""A stop on the venue that has not worked so long after the local trigger is not waited for any more."""

_RESTS = frozenset({OrderStatus.OPEN, OrderStatus.PENDING})

LOOK_S = 1.0
"""How often a stop that follows the market is looked at."""


def has_fired(view: View, slot: Slot, known: Mapping[Slot, Failed], now: Mapping[Slot, Failed]) -> bool:
    """Return whether the venue has fired the stop of this slot, or refused a new one because it would fire at once.

    A stop that was fired and then rejected is over, and told once: `known` and `now` are the failed exits as they were
    remembered and as they are after the newest ends.
    """
    order = view.orders.get(slot)

    if order is not None and order.triggered:
        return True

    end = view.ended.get(slot)

    if end is None or now.get(slot) is known.get(slot):
        return False

    return end.triggered or (end.refusal is not None and end.refusal.reason is RefusalReason.WOULD_TRIGGER)


def working_until(view: View, slot: Slot, fired: Fired) -> float | None:
    """Until when the venue's stop may still do the work of one that has fired. None when it cannot."""
    until = fired.at + WORKS_WITHIN_S

    return until if slot in view.orders and view.now < until else None


def stay(view: View, slot: Slot) -> tuple[VenueStop, ...]:
    """Return the stop just as it rests. Nothing where none does."""
    order = view.orders.get(slot)

    if order is None or order.order.ticks is None:
        return ()

    return (as_it_rests(order.order, Reason(Rule.STOPPED, "left as it rests on the venue", order.order.ticks)),)


def nearer(view: View, want: VenueStop) -> tuple[VenueStop, ...]:
    """The stop that rests nearer to the market than the wanted one and covers what that closes, just as it rests."""
    sign, own = -want.slot.side.sign, view.orders.get(want.slot)
    live = (*view.beside, own) if own is not None else view.beside

    resting = [
        order.order
        for order in live
        if order.slot == want.slot
        and order.status in _RESTS
        and not order.triggered
        and order.order.ticks is not None
        and sign * (order.order.ticks - want.ticks) > 0
        and (order.order.whole or order.remaining_lots >= want.lots)
    ]

    if not resting:
        return ()

    nearest = max(resting, key=lambda order: sign * (order.ticks or 0))
    why = Reason(Rule.STOPPED, "left as it rests on the venue, nearer than it would be placed now", nearest.ticks or 0)

    return (attrs.evolve(as_it_rests(nearest, why), whole=nearest.whole),)


def as_it_rests(order: NewOrder, why: Reason) -> VenueStop:
    """Want a stop that rests on the venue where it is."""
    return VenueStop(slot=order.slot, ticks=order.ticks or 0, lots=order.lots, reasons=(why,), trigger=order.trigger)


def is_refused(view: View, slot: Slot, fired: Fired) -> bool:
    """Return whether the last stop order of this slot was refused as not reducing."""
    end = view.ended.get(slot)

    if slot in view.orders or end is None or end.at < fired.at or end.refusal is None:
        return False

    return end.refusal.reason is RefusalReason.REDUCE_ONLY


def has_own_rivals(view: View, slot: Slot) -> bool:
    """Return whether another closing order of ours holds the position of this slot."""
    return any(
        other.kind.holds_position and other.position_side is slot.position_side and other != slot
        for other in view.orders
    )


def held_by_others(view: View, slot: Slot) -> int:
    """Lots of the position that closing orders of others hold. Part of a lot counts as one."""
    amounts = (
        order.left(view.instrument.lot)
        for order in view.foreign
        if order.side is slot.side
        and order.position_side is slot.position_side
        and not order.type.is_conditional
        and (order.reduce_only or slot.position_side is not PositionSide.NET)
    )

    return int((sum(amounts, Decimal(0)) / view.instrument.lot).to_integral_value(ROUND_CEILING))


def past_others(
    view: View, on_venue: Slot, memory: ExitMemory, fired: Fired, *, buffer: Decimal, lots: int
) -> tuple[tuple[VenueStop, ...], float]:
    """Return the venue's stop that fires with the market's next step, and when to look again.

    It follows the market; one that was refused a moment ago waits for its turn.
    """
    best, resting = best_against(view, fired.sign), view.orders.get(on_venue)
    again = retry.waits_until(view, memory.failed.get(on_venue))

    if resting is None and again is not None:
        return (), again

    if best <= 1 or (resting is not None and _follows(view, resting, fired, buffer)):
        return stay(view, on_venue), view.now + LOOK_S

    why = Reason(Rule.STOPPED, "others' closing orders hold the position: as close-position, just past the market")

    stop = VenueStop(slot=on_venue, ticks=best - fired.sign, lots=lots, reasons=(why,), trigger=StopTrigger.LAST)

    return (stop,), view.now + LOOK_S


def _follows(view: View, resting: WorkingOrder, fired: Fired, buffer: Decimal) -> bool:
    """Whether the stop is at work, or no farther from the market than the slippage buffer."""
    ticks = resting.order.ticks

    return ticks is None or resting.triggered or fired.sign * (ticks - limit_ticks(view, fired.sign, buffer)) >= 0
