"""What has to be sent so that the orders that rest become the orders that are wanted.

A wanted order equal to the one of its slot leaves it alone, and its queue place with it. A different one has the old
one cancelled first, and is placed once the slot is free: never are the old and the new order of a slot both live.
Where the venue moves resting orders, a quote is amended instead, and is never off the book. Only exits, which the venue
itself caps at the position, may go out beside an order whose outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TypeAlias

import attrs

from perpmaker.execution.amend_rules import AmendRules
from perpmaker.execution.stop_move import equals_stop, move_stop
from perpmaker.model.order import NEVER_RESTS, NewOrder, OrderKind, OrderType, Slot, StopTrigger
from perpmaker.model.quote import Close, Exit, Quote, StopLoss, TakeProfit, VenueStop, VenueTarget
from perpmaker.model.working_order import WorkingOrder

Want: TypeAlias = Quote | Exit
Resting: TypeAlias = TakeProfit | VenueStop | VenueTarget

_POST_ONLY = OrderType.POST_ONLY
_NOTHING: Mapping[Slot, int] = {}
_IS_EXIT = attrgetter("slot.kind.is_exit")
_IS_EXITS_ORDER = attrgetter("order.slot.kind.is_exit")


@attrs.frozen(kw_only=True)
class Changes:
    """Orders to cancel and wants to place, each with exits first, and orders to amend; sent in this order."""

    cancel: tuple[WorkingOrder, ...] = ()
    amend: tuple[tuple[WorkingOrder, Quote], ...] = ()
    place: tuple[Want, ...] = ()


UNCHANGED = Changes()
"""Everything rests as it is wanted, or cannot be helped now."""


def diff(
    working: Iterable[WorkingOrder],
    wants: Iterable[Want],
    *,
    blocked: bool = False,
    waiting: Collection[Slot] = frozenset(),
    settling: Mapping[Slot, int] | None = None,
    cut: Container[str] = frozenset(),
    two_stops: bool = False,
    outdated: Container[str] = frozenset(),
    amends: AmendRules | None = None,
) -> Changes:
    """Compare own live orders with what is wanted, slot by slot.

    `blocked`: no quote may be placed now. `waiting`: slots into which nothing may be placed yet (after a refusal).
    `settling`: lots by slot of which the venue said that they executed, and whose fills are not here yet, so that
    "different" proves nothing; an exit that is gone goes again for the rest, since the venue caps it at the position.
    `cut`: client ids of orders of which the venue took less than we asked for, just now: they are large enough.
    `two_stops`: the venue lets two stops that close the whole position rest in one direction (see `stop_move`).
    `outdated`: client ids of orders whose amend was not made, which have to be replaced whatever they look like.
    `amends`: what an amend must keep to; None where the venue moves no orders.
    """
    missing = settling or _NOTHING
    slots = _by_slot(working)
    wanted = {want.slot: want for want in wants}
    cancel: list[WorkingOrder] = []
    amend: list[tuple[WorkingOrder, Quote]] = []
    rules = None if blocked else amends

    for slot, orders in slots.items():
        want, last = wanted.get(slot), orders[-1]

        if type(want) is Quote and len(orders) == 1 and _rests_as(last, want) and last.order.client_id not in outdated:
            continue  # what nearly all orders come to, most of the time

        if isinstance(want, VenueStop):
            cancel += move_stop(orders, want, two_wholes=two_stops).cancel
        elif want is not None and (slot in missing or _is_right(last, want, cut, outdated)):
            if len(orders) > 1:
                cancel += [order for order in orders[:-1] if _must_go(order, want)]

        elif (
            rules is not None
            and isinstance(want, Quote)
            and len(orders) == 1
            and slot not in waiting
            and last.client_id not in outdated
            and rules.allow(last, want)
        ):
            amend.append((last, want))
        else:
            cancel += [order for order in orders if _must_go(order, want)]

    may = (want for slot, want in wanted.items() if slot not in waiting) if waiting else wanted.values()
    place = list(_placed(may, slots, missing, blocked=blocked, two_stops=two_stops))

    return _changes(cancel, amend, place) if cancel or amend or place else UNCHANGED


def _changes(cancel: list[WorkingOrder], amend: list[tuple[WorkingOrder, Quote]], place: list[Want]) -> Changes:
    """What has to be sent, exits first."""
    return Changes(
        cancel=tuple(sorted(cancel, key=_IS_EXITS_ORDER, reverse=True)),
        amend=tuple(amend),
        place=tuple(sorted(place, key=_IS_EXIT, reverse=True)),
    )


def _rests_as(order: WorkingOrder, want: Quote) -> bool:
    """Whether the order is the one that was sent for this quote."""
    new = order.order

    return new.generation == want.generation and new.ticks == want.ticks and new.lots == want.lots


def _is_right(last: WorkingOrder, want: Want, cut: Container[str], outdated: Container[str]) -> bool:
    """Whether the newest order of a slot may stay: it is what is wanted, or was just cut to what the venue takes."""
    client_id = last.order.client_id
    is_wanted = equals(last, want) and client_id not in outdated

    return is_wanted or (client_id in cut and equals(last, _at_most(want, last)))


def _placed(
    wants: Iterable[Want],
    slots: Mapping[Slot, list[WorkingOrder]],
    missing: Mapping[Slot, int],
    *,
    blocked: bool,
    two_stops: bool,
) -> Iterator[Want]:
    """What has to be placed, for as much as is not about to be told as filled."""
    for want in wants:
        slot = want.slot

        if isinstance(want, Quote):
            if slot not in slots and not blocked and slot not in missing:
                yield want

            continue

        orders = slots.get(slot, ())

        left = want.lots - missing.get(slot, 0)

        if left <= 0:
            continue

        if isinstance(want, VenueStop):
            step = move_stop(orders, want, two_wholes=two_stops).place

            if step is not None:
                yield step
        elif all(order.status.is_unknown for order in orders):
            yield want if left == want.lots else attrs.evolve(want, lots=left)


def equals(order: WorkingOrder, want: Want) -> bool:
    """Whether the order is what is wanted: quotes by their original amount, exits by what is left to close."""
    if isinstance(want, Quote):
        return _rests_as(order, want)

    if isinstance(want, VenueStop):
        return equals_stop(order, want)

    if isinstance(want, VenueTarget):  # it closes whatever the position is
        return (order.order.type, order.order.ticks) == (OrderType.VENUE_TARGET, want.ticks)

    return (order.order.type, order.order.ticks, order.remaining_lots) == (
        order_type(want),
        None if isinstance(want, Close) else want.ticks,
        want.lots,
    )


def exits_astray(resting: Mapping[Slot, WorkingOrder], wants: Iterable[Want]) -> tuple[Resting, ...]:
    """Find the stops that do not rest on the venue as wanted, and the targets that are not known to rest."""
    return tuple(want for want in wants if isinstance(want, Resting) and _is_astray(resting.get(want.slot), want))


def _is_astray(order: WorkingOrder | None, want: Resting) -> bool:
    if order is None or not order.status.is_open:
        return True

    return isinstance(want, VenueStop) and not equals(order, want)


def has_spare_stops(working: Iterable[WorkingOrder]) -> bool:
    """Whether two stops of one position are live: the venue has not told yet that the old one is gone."""
    slots = [order.slot for order in working if order.slot.kind is OrderKind.VENUE_STOP]

    return len(slots) > len(set(slots))


def is_cancellable(order: WorkingOrder) -> bool:
    """Whether a cancel would mean something: it rests, and none is under way."""
    return order.status.is_open and order.order.type not in NEVER_RESTS


def _must_go(order: WorkingOrder, want: Want | None) -> bool:
    """Whether to cancel an order that is not the wanted one; one that an amend under way makes of it is waited for.

    Of which it is not known whether it was amended, it goes at once: where it rests nobody can tell.
    """
    is_lost = order.status.is_unknown and order.amended_from is not None

    return is_cancellable(order) or ((want is None or is_lost) and _is_revocable(order))


def _is_revocable(order: WorkingOrder) -> bool:
    """Whether an order with a command that is not answered may be cancelled once: the venue most likely has it."""
    is_there = order.status.is_pending or order.amended_from is not None

    return is_there and not order.cancel_requested and order.order.type not in NEVER_RESTS


def order_type(want: Want) -> OrderType:
    """How a want executes: quotes never take, targets may, stops as they say, closes at market."""
    if isinstance(want, StopLoss):
        return want.type

    if isinstance(want, TakeProfit):
        return OrderType.LIMIT

    if isinstance(want, VenueStop):
        return OrderType.VENUE_STOP

    if isinstance(want, VenueTarget):
        return OrderType.VENUE_TARGET

    return OrderType.MARKET if isinstance(want, Close) else OrderType.POST_ONLY


def new_order(want: Want, client_id: str) -> NewOrder:
    """The order that is sent for a want; every exit is reduce-only."""
    if isinstance(want, Quote):
        return NewOrder(client_id, want.slot, want.lots, want.ticks, _POST_ONLY, False, want.generation)

    return NewOrder(
        client_id=client_id,
        slot=want.slot,
        lots=want.lots,
        ticks=None if isinstance(want, Close) else want.ticks,
        type=order_type(want),
        reduce_only=True,
        trigger=want.trigger if isinstance(want, VenueStop) else StopTrigger.MARK,
        whole=want.whole if isinstance(want, VenueStop) else True,
        limit=want.limit if isinstance(want, VenueTarget) else None,
    )


def _at_most(want: Want, order: WorkingOrder) -> Want:
    """The want, for no more than the order has left."""
    return attrs.evolve(want, lots=min(want.lots, order.remaining_lots))


def _by_slot(working: Iterable[WorkingOrder]) -> dict[Slot, list[WorkingOrder]]:
    slots: dict[Slot, list[WorkingOrder]] = {}

    for order in working:
        slot = order.order.slot

        if slot in slots:
            slots[slot].append(order)
            slots[slot].sort(key=lambda order: order.sent_at)
        else:
            slots[slot] = [order]

    return slots
