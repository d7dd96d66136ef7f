"""The one path of start, crash and reconnect: everything about the account is read again, the venue being the oracle.

There is no other way in. A restart after a crash, a private stream that came back, a periodic check and a doubt all
end in the same `Resynced`, and the trader folds it the same way each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import Timekeeping, VenueStops
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.decision.stop_names import StopNames
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import OrderNotFound
from perpmaker.model.event import Event, OrderReported, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, OrderKind, OrderReport
from perpmaker.model.reading import AccountSeen
from perpmaker.model.working_order import WorkingOrder
from perpmaker.runtime.plugin_output_checks import checked, checked_account, checked_all


@attrs.define(kw_only=True)
class Reconciliation:
    """Reads one market of one account. Errors are the connector's: whoever asks decides when to try again.

    What is read side by side is read one after the other after a failure, so that a venue that refuses is asked once.
    `names`: our ids of stops that bear none on the venue; None where they do.
    """

    connector: DerivativeConnector
    instrument: Instrument
    clock: Clock
    names: StopNames | None = None
    _has_failed: bool = attrs.field(default=False, init=False)

    async def look(self) -> AccountSeen:
        """Read positions, open orders and stops side by side: what exits need to know, within one round trip."""
        began_at = self.clock.now()
        orders: list[OrderReport] = []
        accounts: list[AccountSnapshot] = []

        async def list_orders() -> None:
            orders.extend(checked_all(OrderReport, await self.connector.fetch_open_orders(self.instrument)))

        async def list_stops() -> None:
            if isinstance(self.connector, VenueStops):
                orders.extend(await self._open_stops(self.connector))

        async def read_account() -> None:
            accounts.append(await self.account())

        if self._has_failed:
            await in_turn(list_orders, list_stops, read_account)
        else:
            self._has_failed = True
            await together(read_account, list_orders, list_stops)

        self._has_failed = False
        time = self.connector.venue_time(began_at) if isinstance(self.connector, Timekeeping) else None
        (account,) = accounts
        times = [account.venue_ms, *(order.venue_ms for order in orders)]

        return AccountSeen(
            began_at=began_at,
            orders=tuple(orders),
            account=account,
            venue_ms=max(times),
            asked_ms=None if time is None else time.ms,
            clock_uncertainty_s=0.0 if time is None else time.uncertainty_s,
        )

    async def read(
        self,
        believed: Iterable[WorkingOrder],
        since_ms: int,
        seen: Callable[[AccountSeen], object] = lambda _: None,
    ) -> Resynced:
        """Read what `look` reads, hand that to `seen`, then the history: fills, and what became of orders of ours.

        `believed` are our orders that are or may be live; each that is not among the open ones is asked for by
        itself. `since_ms` is the venue time from which on fills may not be known yet. A fill that is later than the
        position it belongs to is told from one that is in it by the venue's own times.
        """
        seen_now = await self.look()
        seen(seen_now)

        return await self.complete(seen_now, believed, since_ms)

    async def complete(self, seen_now: AccountSeen, believed: Iterable[WorkingOrder], since_ms: int | None) -> Resynced:
        """Read the history that belongs to a look; see `read`. `since_ms` None: there are no fills to be read."""
        finished = await self._finished(believed, {report.client_id for report in seen_now.orders})
        fills: tuple[Fill, ...] = ()

        if since_ms is not None:
            fills = checked_all(Fill, await self.connector.fetch_fills(self.instrument, since_ms))

        times = [*(order.venue_ms for order in finished), *(fill.venue_ms for fill in fills)]

        return Resynced(
            began_at=seen_now.began_at,
            orders=seen_now.orders,
            finished=finished,
            fills=fills,
            account=seen_now.account,
            venue_ms=max([seen_now.venue_ms, *times]),
            asked_ms=seen_now.asked_ms,
            clock_uncertainty_s=seen_now.clock_uncertainty_s,
        )

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """All open orders of the market, with the stops that the venue keeps apart from the others."""
        orders = checked_all(OrderReport, await self.connector.fetch_open_orders(self.instrument))

        if isinstance(self.connector, VenueStops):
            return (*orders, *await self._open_stops(self.connector))

        return orders

    async def _open_stops(self, connector: VenueStops) -> tuple[OrderReport, ...]:
        stops = checked_all(OrderReport, await connector.fetch_open_stops(self.instrument))

        return stops if self.names is None else self.names.reports(stops)

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

        return OrderReported(report=report, asked_at=asked_at)

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
        if kind is not None and kind.is_conditional and isinstance(self.connector, VenueStops):
            report = self._known_by(client_id, await self.connector.fetch_stop(self.instrument, client_id, venue_id))
        else:
            report = await self.connector.fetch_order(self.instrument, client_id, venue_id)

        return None if report is None else checked(OrderReport, report)

    def _known_by(self, client_id: str, report: OrderReport | None) -> OrderReport | None:
        """The answer about a stop of ours, with our id in it also where the venue has none."""
        if report is None or not checked(OrderReport, report).of_position:
            return report

        if self.names is not None:
            return self.names.answer(client_id, report)

        return attrs.evolve(report, client_id=client_id, of_position=False)


async def in_turn(*reads: Callable[[], Awaitable[None]]) -> None:
    """One after the other; the first error ends it."""
    for read in reads:
        await read()


async def together(*reads: Callable[[], Awaitable[None]]) -> None:
    """Have all of them under way side by side; of several errors the first one's is raised, as if it had been alone."""
    errors: list[Exception] = []

    async def run(read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except Exception as error:  # noqa: BLE001  # raised again below: a group of errors is nobody's to catch
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        for read in reads:
            tasks.start_soon(run, read)

    if errors:
        raise errors[0]
