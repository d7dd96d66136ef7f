"""How soon an exit of unknown outcome is sent again: at once, then slower, as one that was refused.

The venue caps each of them at the position, so nothing has to be proven first; but a venue that answers at once with
what says nothing must not be sent one with every answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perpmaker.exits.retry import AGAIN_S
from perpmaker.model.order import OrderStatus, Slot, WorkingOrder


def paced(working: Iterable[WorkingOrder], now: float) -> Iterator[tuple[Slot, float]]:
    """Slots of exits into which nothing is sent yet, each with the moment from which on it is."""
    newest: dict[Slot, float] = {}
    counts: dict[Slot, int] = {}

    for order in working:
        if order.status is OrderStatus.UNKNOWN and order.slot.kind.is_exit:
            counts[order.slot] = counts.get(order.slot, 0) + 1
            newest[order.slot] = max(newest.get(order.slot, order.changed_at), order.changed_at)

    for slot, at in newest.items():
        if (until := at + AGAIN_S[min(counts[slot], len(AGAIN_S)) - 1]) > now:
            yield slot, until


def next_at(working: Iterable[WorkingOrder], now: float) -> float | None:
    """When the first of these slots may be sent to again."""
    return min((until for _, until in paced(working, now)), default=None)
