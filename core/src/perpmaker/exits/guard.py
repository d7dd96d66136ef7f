"""The stop that rests on the venue: whether the venue has fired it, and how long the local line leaves it to that."""

from __future__ import annotations

from collections.abc import Mapping

from perpmaker.exits.memory import Failed, Fired
from perpmaker.model.order import RefusalReason, Slot
from perpmaker.model.quote import Reason, Rule, VenueStop
from perpmaker.state.view import View

WORKS_WITHIN_S = 1.0
"""A stop on the venue that has not worked so long after the local trigger is not waited for any more."""


def has_fired(view: View, slot: Slot, known: Mapping[Slot, Failed], now: Mapping[Slot, Failed]) -> bool:
    """Whether the venue has fired the stop of this slot, or refused a new one because it would fire at once.

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
    """Until when the venue's stop may still do the work of one that has fired; None when it cannot."""
    until = fired.at + WORKS_WITHIN_S

    return until if slot in view.orders and view.now < until else None


def stay(view: View, slot: Slot) -> tuple[VenueStop, ...]:
    """The stop just as it rests; nothing where none does."""
    order = view.orders.get(slot)

    if order is None or order.order.ticks is None:
        return ()

    why = Reason(Rule.STOPPED, "left as it rests on the venue", order.order.ticks)

    return (VenueStop(slot=slot, ticks=order.order.ticks, lots=order.order.lots, reasons=(why,)),)
