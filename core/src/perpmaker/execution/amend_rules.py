"""Which resting quotes may be moved instead of cancelled and placed anew."""

from __future__ import annotations

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderStatus, OrderType
from perpmaker.model.quote import Quote
from perpmaker.model.working_order import WorkingOrder

_LIMITS = frozenset({OrderType.LIMIT, OrderType.POST_ONLY})


@attrs.frozen
class AmendRules:
    """The rules of a market whose venue moves resting orders."""

    instrument: Instrument

    def allow(self, order: WorkingOrder, want: Quote) -> bool:
        """Return whether the order may be made the wanted one by an amend.

        It rests, nothing is under way, and price or amount change. The total amount becomes the wanted one, so that
        what was filled stays counted; where less than half of it would be left, or too little for the market, a new
        order is worth more.
        """
        now = order.order

        if order.status is not OrderStatus.OPEN or order.cancel_requested or now.type not in _LIMITS or now.reduce_only:
            return False

        if (now.ticks, now.lots) == (want.ticks, want.lots):
            return False

        instrument, left = self.instrument, want.lots - order.filled_lots
        amount = instrument.amount(left)

        return (
            2 * left >= want.lots
            and amount >= instrument.min_amount
            and amount * instrument.price(want.ticks) >= instrument.min_notional
        )
