"""How much of other people's stands before our quotes in the queue at their price: a bound that only comes down.

Venues with price-time priority do not tell a queue place. What others have at the price at any moment since the order
came to rest is the most that was ahead of it then, and nothing gets ahead of it later: the least of what was seen is
a bound that holds. Looked at once in a while, and never on the way of an event.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.order import OrderStatus
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.state import State

_RESTS = frozenset({OrderStatus.OPEN, OrderStatus.CANCELLING})


@attrs.frozen
class _Place:
    """An order where it rests: another price, or more lots, is another place in the queue."""

    client_id: str
    ticks: int
    lots: int


class QueueWatch:
    """Bounds of what is ahead of each resting quote, in lots."""

    def __init__(self) -> None:
        self._ahead: dict[_Place, int] = {}

    def look(self, state: State) -> None:
        """Look at the book once more; what does not rest any more is forgotten."""
        if not state.book.ok:
            self._ahead.clear()
            return

        now = {}

        for order in state.orders.working():
            place = _place(order)

            # Before the book has reached the order's own time it may not show yet what others had there first.
            if place is not None and 0 < order.venue_ms <= state.book.own.reached_ms:
                others = state.book.others_at(order.slot.side, place.ticks)
                known = [lots for lots in (others, self._ahead.get(place)) if lots is not None]
                now.update({place: min(known)} if known else {})

        self._ahead = now

    def ahead(self, order: WorkingOrder, state: State) -> Decimal | None:
        """Return how much is ahead of an order at most, in base. None where that is not known."""
        place = _place(order)
        lots = None if place is None else self._ahead.get(place)

        return None if lots is None else state.instrument.amount(lots)


def _place(order: WorkingOrder) -> _Place | None:
    if not order.slot.kind.is_quote or order.status not in _RESTS or order.order.ticks is None:
        return None

    return _Place(order.client_id, order.order.ticks, order.order.lots)
