"""Own orders that change where they rest: what we ask for, what the venue says of it, what of the book is ours then.

While an amend is not proven an order rests as it was or as it is to be. Its lots are left out of the book at both
prices, no second amend is sent, and only what speaks of this very amend, what shows the order as it is to be, or what
was asked for when the amend could not be made any more is proof. A cancel may be sent at any time, and proves it too.
"""

from __future__ import annotations

from typing import Final

from perpmaker.model.command_event import AmendHandedOn, AmendRefused
from perpmaker.model.event import OrderAmended
from perpmaker.model.order import NewOrder, OrderStatus, OrderType
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.order_index import OrderIndex
from perpmaker.state.own_depth import OwnDepth
from perpmaker.state.tracked_order import TrackedOrder

RESTING: Final = frozenset({OrderType.LIMIT, OrderType.POST_ONLY})
"""What stands in the book until it is filled or taken off."""

_SHOWN: Final = frozenset({OrderStatus.OPEN, OrderStatus.CANCELLING, OrderStatus.AMENDING, OrderStatus.UNKNOWN})

_OPEN_END: Final = frozenset({RefusalReason.NOT_FOUND, RefusalReason.AMEND_PENDING, RefusalReason.POST_ONLY_WOULD_TAKE})
"""Refusals of an amend after which the order may be gone, or rest elsewhere: it is asked for."""


class Amends(OrderIndex):
    """Own orders with the prices and amounts at which they rest. `depth` is told what of the book is ours.

    `fence_s` is how long after a question about a known order the venue's "no such order" is proof.
    """

    def __init__(self, depth: OwnDepth, *, fence_s: float) -> None:
        super().__init__()
        self._depth = depth
        self._fence_s = fence_s

    def amend(self, order: NewOrder, now: float) -> int:
        """An amend is about to be sent that makes this of the order: its number."""
        record = self.live[order.client_id]
        record.amending(order, now)
        self.version += 1

        return record.amends

    def amended(self, event: OrderAmended, now: float) -> None:
        """The order rests at another price, with another total amount."""
        record = self.live.get(event.client_id)

        if record is not None:
            is_proof = bool(event.number) and event.number == record.amends
            self._shape(record, event.ticks, event.lots, event.venue_ms, now, is_proof=is_proof)
            self._touch(record, event.venue_ms, now)

    def amend_handed_on(self, event: AmendHandedOn, now: float) -> None:
        """Nothing is proven yet: when nothing more is said of it, the venue is asked."""
        record = self.live.get(event.client_id)

        if record is not None and event.number == record.amends and record.working.amended_from is not None:
            record.amend_fence = event.fence_at
            record.ask_later(now)
            self.version += 1

    def amend_refused(self, event: AmendRefused, now: float) -> None:
        """The newest amend was not made, or need not be; an older one is settled already."""
        record = self.live.get(event.client_id)

        if record is None or event.number != record.amends or record.working.amended_from is None:
            return

        self.version += 1

        if event.refusal.reason is RefusalReason.UNCHANGED:
            self._rest(record, record.working.order, now)
            record.ask(now)  # proof, but where it rests is worth a look
            return

        self._rest(record, record.working.amended_from, now)
        self.amend_refusals.append((record.working.slot, event.refusal))

        if event.refusal.reason in _OPEN_END:
            if record.working.status is OrderStatus.OPEN:
                record.put(status=OrderStatus.AMENDING, changed_at=now)

            record.fence(now + self._fence_s)
            record.ask(now)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _rest(self, record: TrackedOrder, order: NewOrder, now: float) -> None:
        """It is proven that the order rests like this, whenever that began."""
        if order.ticks != record.working.resting.ticks:
            self._show(record, 0, 0, now)

        record.prove_amend(order, now)
        self._touch(record, 0, now)

    def _shape(
        self, record: TrackedOrder, ticks: int | None, lots: int, venue_ms: int, now: float, *, is_proof: bool = False
    ) -> None:
        """Take in how the venue shows the order; `is_proof`: that proves what became of an amend under way."""
        working = record.working
        order = record.shaped(ticks=ticks, lots=lots, venue_ms=venue_ms)

        if order.ticks != (working.amended_from or working.order).ticks:
            self._show(record, 0, venue_ms, now)

        if working.amended_from is None and order.ticks != working.order.ticks:
            self._moved(record)

        record.shape(order, venue_ms=venue_ms, now=now, is_proof=is_proof)

    def _moved(self, record: TrackedOrder) -> None:
        """A quote rests at a price that nobody here has asked for: it is replaced, at longer and longer intervals.

        A venue may move an order to the edge of its price band instead of refusing it.
        """
        if record.working.slot.kind.is_quote:
            record.is_outdated = True
            refusal = Refusal(reason=RefusalReason.PRICE_BAND, text="the venue shows it at another price than was sent")
            self.amend_refusals.append((record.working.slot, refusal))

    def _touch(self, record: TrackedOrder, venue_ms: int, now: float) -> None:
        """Tell the book what of it is ours now."""
        working = record.working
        order = working.amended_from or working.order
        shown = record.known and order.type.rests and working.status in _SHOWN
        self._show(record, order.lots - working.filled_lots if shown else 0, venue_ms, now)
        self.version += 1

    def _show(self, record: TrackedOrder, lots: int, venue_ms: int, now: float) -> None:
        """Leave out so many lots of the book; what an amend may bring elsewhere stays left out until it is proven."""
        before = record.working.amended_from
        order = before or record.working.order

        if before is None or not lots:
            self._depth.answered(order.client_id, venue_ms=venue_ms, now=now)

        if order.ticks is not None and lots != record.displayed_lots:
            self._depth.add(order.slot.side, order.ticks, lots - record.displayed_lots, venue_ms=venue_ms, now=now)
            record.displayed_lots = lots
