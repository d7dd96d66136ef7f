"""How a stop on the venue is placed and moved without the position being without one for a moment.

A stop that closes whatever the position is cannot be amended, and many venues let only one of them rest in a direction.
Such a one is moved over a bridge: a stop of exactly the position's size at the new level, then the old one goes, then
the new one is placed, then the bridge goes. Each step waits until the one before it is seen on the venue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from perpmaker.model.order import OrderStatus, OrderType
from perpmaker.model.quote import VenueStop
from perpmaker.model.working_order import WorkingOrder


@attrs.frozen
class StopMove:
    """The next step: stops to cancel, and at most one to place."""

    cancel: tuple[WorkingOrder, ...] = ()
    place: VenueStop | None = None


def equals_stop(order: WorkingOrder, want: VenueStop) -> bool:
    """Return whether a stop is the wanted one: its level, the price that fires it, and how much it closes."""
    is_exact = order.order.lots == want.lots
    closes = is_exact if want.sized else want.whole or order.remaining_lots >= want.lots

    return is_at_level(order, want) and order.order.whole is want.whole and closes


def is_at_level(order: WorkingOrder, want: VenueStop) -> bool:
    """Return whether a stop fires where the wanted one does."""
    new = order.order

    return (new.type, new.ticks, new.trigger) == (OrderType.VENUE_STOP, want.ticks, want.trigger)


def move_stop(orders: Sequence[WorkingOrder], want: VenueStop, *, two_wholes: bool) -> StopMove:
    """Find the next step from the live stops of a slot, oldest first, to the wanted one.

    `two_wholes`: the venue lets two stops that close the whole position rest in one direction, so that no bridge is
    needed.
    """
    rests = [order for order in orders if order.status is OrderStatus.OPEN and equals_stop(order, want)]

    if rests:
        return StopMove(cancel=_cancellable(order for order in orders if order is not rests[-1]))

    if any(order.status is OrderStatus.PENDING for order in orders):
        return StopMove()

    wholes = [order for order in orders if order.order.whole]

    if two_wholes or not wholes:
        return StopMove(place=want)

    at_level = [order for order in orders if not order.order.whole and is_at_level(order, want)]

    if any(order.status is OrderStatus.OPEN and order.remaining_lots >= want.lots for order in at_level):
        return StopMove(cancel=_cancellable(wholes))

    if any(order.status is OrderStatus.UNKNOWN for order in at_level):
        return StopMove()

    return StopMove(place=attrs.evolve(want, whole=False))


def _cancellable(orders: Iterable[WorkingOrder]) -> tuple[WorkingOrder, ...]:
    return tuple(order for order in orders if order.status is OrderStatus.OPEN)
