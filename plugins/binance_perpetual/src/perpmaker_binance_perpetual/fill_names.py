"""Whose fills are whose: the venue's list of fills knows orders only by its own numbers."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker_binance_perpetual.order_desk import OrderNames
from perpmaker_binance_perpetual.rest import PAGE, Rest
from perpmaker_binance_perpetual.stops import StopNames


@attrs.frozen
class FillNames:
    """Client ids by the venue's numbers of orders; those that nobody has met yet are read in pages of a thousand."""

    rest: Rest
    orders: OrderNames
    stops: StopNames

    def client_id(self, order_id: int) -> str | None:
        """The client id of an order; None where it was not learnt yet, empty where the venue knows it no more."""
        venue_id = str(order_id)

        return self.stops.became.get(venue_id) or self.orders.client_id(venue_id)

    async def learn(self, instrument: Instrument, order_ids: Iterable[int]) -> None:
        """Ask for the names that are not known; several of them are not asked for one by one."""
        unknown = {order_id for order_id in order_ids if self.client_id(order_id) is None}

        if len(unknown) > 1:
            unknown -= await self._page(instrument, unknown)

        for order_id in unknown:
            self.orders.learn(str(order_id), await self.rest.order_name(instrument.symbol, order_id))

    async def _page(self, instrument: Instrument, unknown: set[int]) -> set[int]:
        """Read the venue's list of orders from the oldest unknown one to the newest; those that were found."""
        start, last, found = min(unknown), max(unknown), set[int]()

        while start <= last:
            page = await self.rest.all_orders(instrument.symbol, start)

            for row in page.rows:
                if row.orderId in unknown:
                    self.orders.learn(str(row.orderId), row.clientOrderId)
                    found.add(row.orderId)

            if page.sent < PAGE or not page.rows:
                break

            start = max(row.orderId for row in page.rows) + 1

        return found
