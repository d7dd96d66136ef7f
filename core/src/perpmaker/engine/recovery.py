"""The one path of start, crash and reconnect: everything about the account is read again, the venue being the oracle.

There is no other way in. A restart after a crash, a private stream that came back, a periodic check and a doubt all
end in the same `Resynced`, and the trader folds it the same way each time.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DerivativeConnector, VenueStops
from perpmaker.engine.seam import checked, checked_account, checked_all
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import Event, OrderNotFound, OrderReported, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, OrderKind, OrderReport, WorkingOrder


@attrs.frozen(kw_only=True)
class Recovery:
    """Reads one market of one account. Errors are the connector's: whoever asks decides when to try again."""

    connector: DerivativeConnector
    instrument: Instrument
    clock: Clock

    async def read(self, believed: Iterable[WorkingOrder], since_ms: int) -> Resynced:
        """Read open orders, what became of those believed live that are not open, fills, and the account.

        `believed` are our orders that are or may be live; each that is not among the open ones is asked for by
        itself. `since_ms` is the venue time from which on fills may not be known yet. The account is read last, so that
        its positions are never older than the fills beside them.
        """
        began_at = self.clock.now()
        orders = await self.open_orders()
        finished = await self._finished(believed, {report.client_id for report in orders})
        fills = checked_all(Fill, await self.connector.fills(self.instrument, since_ms))
        account = await self.account()
        times = [order.venue_ms for order in (*orders, *finished)]
        times += [fill.venue_ms for fill in fills]
        times.append(account.venue_ms)

        return Resynced(
            began_at=began_at,
            orders=orders,
            finished=finished,
            fills=fills,
            account=account,
            venue_ms=max(times, default=0),
        )

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """All open orders of the market, with the stops that the venue keeps apart from the others."""
        orders = checked_all(OrderReport, await self.connector.open_orders(self.instrument))

        if isinstance(self.connector, VenueStops):
            return (*orders, *checked_all(OrderReport, await self.connector.open_stops(self.instrument)))

        return orders

    async def account(self) -> AccountSnapshot:
        """Positions, assets and what is free for margin, dated by the moment at which they were asked for."""
        asked_at = self.clock.now()
        account = checked_account(await self.connector.fetch_account(self.instrument))

        return attrs.evolve(account, asked_at=asked_at)

    async def ask(self, client_id: str, venue_id: str | None, kind: OrderKind | None = None) -> Event:
        """What the venue knows of one order; not finding it proves something only after the order's fence."""
        asked_at = self.clock.now()
        report = await self._order(client_id, venue_id, kind)

        if report is None:
            return OrderNotFound(client_id=client_id, asked_at=asked_at)

        return OrderReported(report=report)

    async def _finished(self, believed: Iterable[WorkingOrder], listed: set[str]) -> tuple[OrderReport, ...]:
        """Ask for each order that was believed live and is not open; those the venue does not know are left out."""
        answers = [
            await self._order(order.client_id, order.venue_id, order.slot.kind)
            for order in believed
            if order.client_id not in listed
        ]

        return tuple(report for report in answers if report is not None)

    async def _order(self, client_id: str, venue_id: str | None, kind: OrderKind | None) -> OrderReport | None:
        """Ask where orders of this kind are kept."""
        if kind is OrderKind.VENUE_STOP and isinstance(self.connector, VenueStops):
            report = await self.connector.stop(self.instrument, client_id)
        else:
            report = await self.connector.order(self.instrument, client_id, venue_id)

        return None if report is None else checked(OrderReport, report)
