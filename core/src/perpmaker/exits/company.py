"""A stop of somebody else that closes the whole position, where the venue lets only one of them rest in a direction.

The venue refuses ours then. What rests protects the position when it fires no later than ours would: nothing is placed
beside it. One that lies farther out does not: a stop of the position's size is placed beside it, and follows the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import attrs

from perpmaker.exits.memory import ExitMemory, Taken
from perpmaker.exits.stop import best_against
from perpmaker.model.order import OrderKind, OrderReport, OrderType, Slot
from perpmaker.model.quote import Exit, VenueStop
from perpmaker.model.refusal import RefusalReason
from perpmaker.state.view import View

STOP_RETRY_S = 60.0
"""Seconds after which a stop that closes the whole position is tried again, where the venue does not show the other."""


def track(view: View, known: Mapping[Slot, Taken]) -> Mapping[Slot, Taken]:
    """Return what is known of taken places after the newest refusals and readings.

    The same object when nothing is new.
    """
    now = {slot: _step(view, slot, taken) for slot, taken in known.items()}

    for slot, end in view.ended.items():
        if end.refusal is None or slot.kind is not OrderKind.VENUE_STOP:
            continue

        is_news = slot not in known or known[slot].client_id != end.client_id

        if is_news and end.refusal.reason is RefusalReason.STOP_EXISTS:
            now[slot] = _step(view, slot, Taken(client_id=end.client_id, at=end.at))

    return known if now == known else MappingProxyType(now)


def fit(view: View, memory: ExitMemory, exits: Iterable[Exit]) -> Iterator[Exit]:
    """Yield the exits with stops on the venue as they can rest there beside one that is not ours."""
    for want in exits:
        if not isinstance(want, VenueStop) or not is_taken(view, memory, want.slot):
            yield want
        elif not any(protects(view, other, want) for other in others(view.foreign, want.slot)):
            yield attrs.evolve(want, whole=False, lots=max(want.lots, _held(view, want.slot)))


def is_taken(view: View, memory: ExitMemory, slot: Slot) -> bool:
    """Return whether a stop that is not ours keeps one of ours that closes the whole position from resting."""
    taken = memory.taken.get(slot)

    if taken is None or taken.over:
        return False

    own = view.orders.get(slot)
    live = (*view.beside, own) if own is not None else view.beside

    return not any(order.slot == slot and order.order.whole for order in live)


def others(foreign: Iterable[OrderReport], slot: Slot) -> Iterator[OrderReport]:
    """Yield the stops of others that close the whole position of this slot."""
    return (
        order
        for order in foreign
        if order.type is OrderType.VENUE_STOP
        and order.whole
        and order.side is slot.side
        and order.position_side is slot.position_side
    )


def protects(view: View, other: OrderReport, want: VenueStop) -> bool:
    """Return whether a stop of others fires by the same price as the wanted one, and no later.

    A trigger on the other side of the market is that of a target, which fires on the way to a profit.
    """
    if other.ticks is None or other.trigger is not want.trigger:
        return False

    sign = -want.slot.side.sign
    market = view.instrument.price(best_against(view, sign)) if view.mark is None else view.mark
    is_stop = sign * (market - view.instrument.price(other.ticks)) >= 0

    return is_stop and sign * (other.ticks - want.ticks) >= 0


def _step(view: View, slot: Slot, taken: Taken) -> Taken:
    if taken.over:
        return taken

    if any(others(view.foreign, slot)):
        return taken if taken.shown else attrs.evolve(taken, shown=True)

    return attrs.evolve(taken, over=True) if taken.shown or view.now >= taken.at + STOP_RETRY_S else taken


def _held(view: View, slot: Slot) -> int:
    position = view.positions.get(slot.position_side)

    return 0 if position is None else view.instrument.lots_down(abs(position.amount))
