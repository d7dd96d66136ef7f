"""What this process knows of its own orders: what is needed to cancel, renew, and recognise them.

A short-term order ends at a height. Nothing that the Indexer says before proves that it cannot fill any more, but that
it was filled, or that the chain has ended it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal

import attrs

from perpmaker import OrderType, Side

from .transactions import SHORT_TERM

FILL_MEMORY = 35
"""Blocks after its last fill up to which an order is renewed. The chain forgets what an id has filled after 40."""

MOST_BLOCKS = 20
"""Blocks ahead of the chain that an order may end at; some clients of the chain take no more."""

_SETTLED, _SILENT = 1, 3
"""Blocks after its end at which an order is over: one that was being taken off, and one of which nothing was said."""

_MOST = 10_000


@attrs.define(kw_only=True)
class OwnOrder:
    """An order of ours. Prices and amounts in ticks and lots.

    `ends_at` is a height, or the seconds of a time where it is stateful. `limit` is the worst price of a target that
    waits for its trigger. `is_leaving`: we, or the Indexer, have said that it is taken off. `is_over`: nothing can
    become of it any more. `filled` is in base, `fill_height` that of the last fill. `last_block`: that in which it can
    appear at the latest; `fence_at`: the engine's time by which it is past. `is_twin`: the second order of a stop;
    `has_closed`: a stop that was filled as far as there was a position.
    """

    client_id: str
    venue_id: str
    number: int
    flags: int
    side: Side
    type: OrderType
    ticks: int | None
    lots: int
    ends_at: int
    limit: int | None = None
    reduce_only: bool = False
    is_twin: bool = False
    is_leaving: bool = False
    is_over: bool = False
    is_triggered: bool = False
    has_closed: bool = False
    filled: Decimal = Decimal(0)
    fill_height: int = 0
    last_block: int = 0
    fence_at: float = 0.0
    told: object = None
    _booked: dict[str, Decimal] = attrs.field(factory=dict, init=False)

    def book(self, trade_id: str, amount: Decimal, height: int) -> None:
        """Count a fill, once: what the order itself was said to have filled may hold it already."""
        self._booked[trade_id] = amount
        self.filled = max(self.filled, sum(self._booked.values(), Decimal(0)))
        self.fill_height = max(self.fill_height, height)

    @property
    def is_short(self) -> bool:
        """Whether it ends at a height."""
        return self.flags == SHORT_TERM

    @property
    def is_quote(self) -> bool:
        """Whether it rests and ends at a height, so that it has to be renewed."""
        return self.is_short and self.type in {OrderType.POST_ONLY, OrderType.LIMIT}

    @property
    def last_height(self) -> int | None:
        """The last height that it may be renewed to; None while nothing of it was filled."""
        return self.fill_height + FILL_MEMORY if self.fill_height else None

    def next_end(self, height: int, blocks: int) -> int | None:
        """Return the height that a new version may end at; None where none may be sent now."""
        end = max(self.ends_at + 1, height + blocks)
        last = self.last_height

        if last is not None:
            end = min(end, last)

        return end if self.ends_at < end <= height + MOST_BLOCKS else None


class OwnOrders:
    """Orders of ours by the Indexer's id and by our own."""

    def __init__(self) -> None:
        self._by_venue: OrderedDict[str, OwnOrder] = OrderedDict()
        self._by_client: dict[str, list[OwnOrder]] = {}

    def add(self, order: OwnOrder) -> OwnOrder:
        """Keep an order; one that is known already stays as it is known."""
        known = self._by_venue.get(order.venue_id)

        if known is not None:
            return known

        self._by_venue[order.venue_id] = order
        self._by_client.setdefault(order.client_id, []).append(order)

        if len(self._by_venue) > _MOST:
            self._forget()

        return order

    def _forget(self) -> None:
        """Forget the oldest order that is over: what may still work has to be recognised, and taken off."""
        oldest = next((order for order in self._by_venue.values() if order.is_over), None)

        if oldest is None:
            return

        del self._by_venue[oldest.venue_id]
        self._by_client[oldest.client_id].remove(oldest)

        if not self._by_client[oldest.client_id]:
            del self._by_client[oldest.client_id]

    def by_venue(self, venue_id: str | None) -> OwnOrder | None:
        """Return the order of an Indexer's id."""
        return None if venue_id is None else self._by_venue.get(venue_id)

    def of(self, client_id: str) -> list[OwnOrder]:
        """Return the orders of one of our ids: two of a stop, else one, none where nothing is known."""
        return self._by_client.get(client_id, [])

    def first(self, client_id: str) -> OwnOrder | None:
        """Return the only, or the first, order of one of our ids."""
        return next(iter(self.of(client_id)), None)

    def twin(self, order: OwnOrder) -> OwnOrder | None:
        """Return the other order of a stop."""
        return next((one for one in self.of(order.client_id) if one is not order), None)

    def refused(self, client_id: str) -> None:
        """Forget that an order may come: the chain has refused it."""
        for order in self.of(client_id):
            order.is_over = True

    def live(self) -> Iterator[OwnOrder]:
        """Yield what may still rest or fill, the newest first."""
        return (order for order in reversed(self._by_venue.values()) if not order.is_over)

    def to_renew(self, height: int, blocks: int) -> list[OwnOrder]:
        """Return the quotes of which half the life is over, and that may be renewed."""
        return [
            order
            for order in self.live()
            if order.is_quote
            and not order.is_leaving
            and height <= order.ends_at <= height + blocks // 2
            and order.next_end(height, blocks) is not None
        ]

    def spent_twins(self) -> list[OwnOrder]:
        """Return second orders of stops whose first has closed the position: nobody else takes them off."""
        return [
            order for order in self.live() if order.is_twin and not order.is_leaving and _has_closed(self.twin(order))
        ]

    def flat(self) -> None:
        """Take in that there is no position: what is left of stops that have worked has nothing to close."""
        for order in self.live():
            first = self.twin(order) if order.is_twin else None

            if first is not None and first.is_over:
                first.has_closed = True

    def settle(self, height: int) -> list[OwnOrder]:
        """End the short-term orders whose height is past; return them."""
        over = [order for order in self.live() if order.is_short and _is_past(order, height)]

        for order in over:
            order.is_over = True

        return over

    def quoted_lots(self, side: Side) -> int:
        """Return the lots of the quotes of a side that may rest."""
        return sum(order.lots for order in self.live() if order.is_quote and order.side is side)


def _has_closed(first: OwnOrder | None) -> bool:
    return first is not None and first.is_over and first.has_closed


def _is_past(order: OwnOrder, height: int) -> bool:
    return height > order.ends_at + (_SETTLED if order.is_leaving else _SILENT)
