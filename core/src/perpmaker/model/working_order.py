"""An order of ours that is live on the venue, or may be."""

from __future__ import annotations

import attrs

from perpmaker.model.order import NewOrder, OrderStatus, Slot
from perpmaker.model.quick import quick


@quick
@attrs.frozen
class WorkingOrder:
    """One of our orders as the core believes it to be. Amounts in lots, prices in ticks, times of the engine's clock.

    `fence_at` is the moment after which a venue that still does not know the order will never come to know it.
    `confirmed` says whether the private stream (not only the answer to our own request) has shown it. `triggered`: the
    venue has fired this stop of ours. `amended_from`: what `order` was before an amend of which it is not proven yet
    that it was made; until then it rests as one or the other, and the worse of both counts.
    """

    order: NewOrder
    status: OrderStatus
    sent_at: float
    filled_lots: int = 0
    venue_id: str | None = None
    venue_ms: int = 0
    fence_at: float | None = None
    changed_at: float = 0.0
    cancel_requested: bool = False
    confirmed: bool = False
    triggered: bool = False
    amended_from: NewOrder | None = None

    @property
    def client_id(self) -> str:
        """Our own id of the order."""
        return self.order.client_id

    @property
    def slot(self) -> Slot:
        """The slot it takes."""
        return self.order.slot

    @property
    def remaining_lots(self) -> int:
        """Lots that may still fill; of an order that is being amended the larger amount counts."""
        return (self.order.lots if self.amended_from is None else self.most_lots) - self.filled_lots

    @property
    def most_lots(self) -> int:
        """The largest total amount that it may have."""
        before = self.amended_from

        return self.order.lots if before is None else max(self.order.lots, before.lots)

    @property
    def resting(self) -> NewOrder:
        """The order as it rests by what is proven."""
        return self.amended_from or self.order

    @property
    def prices(self) -> tuple[int, ...]:
        """Every price in ticks that it may have; none of a market order."""
        before, ticks = self.amended_from, self.order.ticks

        if ticks is None:
            return ()

        return (ticks,) if before is None or before.ticks in {None, ticks} else (ticks, before.ticks or ticks)

    @property
    def highest_ticks(self) -> int:
        """The highest price that it may have, which binds the most; 0 of a market order."""
        return max(self.prices, default=0)
