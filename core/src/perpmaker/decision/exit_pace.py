"""How soon an exit is sent again beside one that is unknown, or rests: at once, then slower, as one that was refused.

The venue caps each of them at the position, so nothing has to be proven first; but a venue that answers at once with
what says nothing, or with a no, must not be sent one with every answer. Where nothing of the slot is live, the exits'
own schedule is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perpmaker.exits.memory import ExitMemory
from perpmaker.exits.retry import EXIT_RETRY_S
from perpmaker.model.order import Slot
from perpmaker.model.working_order import WorkingOrder


def paced(working: Iterable[WorkingOrder], memory: object, now: float) -> Mapping[Slot, float]:
    """Slots of exits into which nothing is sent yet, each with the moment from which on it is.

    `memory` is that of the exits, which knows what was refused meanwhile.
    """
    failed = memory.failed if isinstance(memory, ExitMemory) else {}
    until: dict[Slot, float] = {}
    unknown: dict[Slot, list[float]] = {}

    for order in working:
        slot = order.order.slot

        if slot.kind.is_quote:
            continue

        if slot in failed:
            until[slot] = failed[slot].back_at

        if order.status.is_unknown:
            unknown.setdefault(slot, []).append(order.changed_at)

    for slot, moments in unknown.items():
        again_at = max(moments) + EXIT_RETRY_S[min(len(moments), len(EXIT_RETRY_S)) - 1]
        until[slot] = max(again_at, until.get(slot, again_at))

    return {slot: at for slot, at in until.items() if at > now}


def next_at(working: Iterable[WorkingOrder], memory: object, now: float) -> float | None:
    """When the first of these slots may be sent to again."""
    return min(paced(working, memory, now).values(), default=None)
