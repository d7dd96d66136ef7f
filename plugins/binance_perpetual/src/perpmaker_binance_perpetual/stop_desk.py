"""Commands and questions about stops that rest on the venue: each alone, for there are no batches of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
import attrs

from perpmaker.connector.interface import CancelOrder
from perpmaker.errors import PayloadError, VenueError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Accepted, NewOrder, OrderReport, Outcome, Rejected, Unknown
from perpmaker_binance_perpetual.element import algo_order_of
from perpmaker_binance_perpetual.outcome import unsent_or_lost
from perpmaker_binance_perpetual.refusals import Answer, refusal_of
from perpmaker_binance_perpetual.rest import Rest
from perpmaker_binance_perpetual.rows import is_own
from perpmaker_binance_perpetual.stops import StopNames, stop_parameters, translate_stop

T = TypeVar("T", NewOrder, CancelOrder)


@attrs.frozen
class StopDesk:
    """Places, cancels and lists closePosition stops. `names` learns which regular orders they become."""

    rest: Rest
    names: StopNames = attrs.field(factory=StopNames)

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send stops, side by side."""

        async def send(order: NewOrder) -> Outcome:
            self.names.placed(order)
            answer = await self.rest.place_stop(stop_parameters(instrument, order))
            report = self._report(answer, instrument) if answer.ok else None

            if report is not None and report.client_id == order.client_id:
                return Accepted(
                    client_id=order.client_id, venue_id=report.venue_id, venue_ms=report.venue_ms, report=report
                )

            return _refused_or_unknown(answer, order.client_id)

        return await _each(orders, send)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take stops off, side by side; the venue answers with a success, or that it knows no such order."""

        async def send(order: CancelOrder) -> Outcome:
            answer = await self.rest.cancel_stop(instrument.symbol, order.client_id)

            if answer.ok and algo_order_of(answer.body) is not None:
                return Accepted(client_id=order.client_id)

            return _refused_or_unknown(answer, order.client_id)

        return await _each(orders, send)

    async def ask(self, instrument: Instrument, client_id: str) -> OrderReport | None:
        """What the venue knows of a stop."""
        order = await self.rest.stop(client_id)

        if order is None or order.symbol != instrument.symbol:
            return None

        self.names.tell(order.clientAlgoId, None if order.actualOrderId is None else str(order.actualOrderId))

        return translate_stop(order, instrument)

    async def open(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All stops of the market that wait or work."""
        orders = await self.rest.open_stops(instrument.symbol)
        reports = list(
            self.rest.reader.translate(
                orders,
                lambda order: translate_stop(order, instrument),
                "stops",
                lambda order: is_own(order.clientAlgoId),
            )
        )

        for report in reports:
            self.names.listed(report)

        return reports

    def _report(self, answer: Answer, instrument: Instrument) -> OrderReport | None:
        order = algo_order_of(answer.body)

        if order is None or order.symbol != instrument.symbol:
            return None

        try:
            return translate_stop(order, instrument)
        except PayloadError:
            return None


async def _each(orders: Sequence[T], send: Callable[[T], Awaitable[Outcome]]) -> Sequence[Outcome]:
    """One outcome for each order, in order, whatever becomes of the requests."""
    outcomes: dict[str, Outcome] = {}

    async def run(order: T) -> None:
        try:
            outcomes[order.client_id] = await send(order)
        except VenueError as error:
            outcomes[order.client_id] = unsent_or_lost(error, order.client_id)

    async with anyio.create_task_group() as tasks:
        for order in orders:
            tasks.start_soon(run, order)

    return [outcomes[order.client_id] for order in orders]


def _refused_or_unknown(answer: Answer, client_id: str) -> Outcome:
    refusal = refusal_of(answer)

    if refusal is not None:
        return Rejected(client_id=client_id, refusal=refusal)

    return Unknown(client_id=client_id, detail=f"HTTP {answer.status}: {answer.text}", signed_at=answer.signed_at)
