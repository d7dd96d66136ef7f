"""Commands about regular orders: batches, what is urgent apart from what is not, and the two names of each order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
import attrs

from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.errors import VenueError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Accepted, NewOrder, OrderReport, Outcome
from perpmaker_binance_perpetual.outcome import (
    amended,
    batch_outcomes,
    cancelled,
    placed,
    single_outcome,
    unsent_or_lost,
)
from perpmaker_binance_perpetual.rest import BATCH_CANCEL, BATCH_PLACE, Rest
from perpmaker_binance_perpetual.translate import amend_parameters, order_parameters

T = TypeVar("T")

_MOST_NAMES = 10_000


@attrs.define
class OrderNames:
    """The two names of an order, ours by the venue's: the venue's list of fills knows only its own."""

    _client_ids: OrderedDict[str, str] = attrs.field(factory=OrderedDict)

    def remember(self, report: OrderReport) -> OrderReport:
        """Keep an order's two names together."""
        self.learn(report.venue_id, report.client_id)

        return report

    def remember_all(self, outcomes: Sequence[Outcome]) -> None:
        """Those of all orders that were taken."""
        for outcome in outcomes:
            if isinstance(outcome, Accepted) and outcome.report is not None:
                self.remember(outcome.report)

    def learn(self, venue_id: str, client_id: str) -> str:
        """Keep a client id (empty: the venue knows it no more), and return it."""
        self._client_ids[venue_id] = client_id

        if len(self._client_ids) > _MOST_NAMES:
            self._client_ids.popitem(last=False)

        return client_id

    def client_id(self, venue_id: str) -> str | None:
        """Our name of an order; None where it is not known."""
        return self._client_ids.get(venue_id)


@attrs.frozen
class OrderDesk:
    """Places, amends and cancels regular orders."""

    rest: Rest
    names: OrderNames = attrs.field(factory=OrderNames)

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send new orders, exits apart from quotes, five in a batch."""

        async def send(chunk: Sequence[NewOrder]) -> Sequence[Outcome]:
            return await self._place_chunk(instrument, chunk)

        return await _in_chunks(orders, BATCH_PLACE, lambda order: order.slot.kind.is_exit, send)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take orders off, ten in a batch."""

        async def send(chunk: Sequence[CancelOrder]) -> Sequence[Outcome]:
            return await self._cancel_chunk(instrument, chunk)

        return await _in_chunks(orders, BATCH_CANCEL, lambda order: order.urgent, send)

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Move resting orders, five in a batch."""

        async def send(chunk: Sequence[AmendOrder]) -> Sequence[Outcome]:
            return await self._amend_chunk(instrument, chunk)

        return await _in_chunks(orders, BATCH_PLACE, lambda _: False, send)

    async def _amend_chunk(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        parameters = [amend_parameters(instrument, order.order, order.number) for order in orders]
        client_ids = [order.client_id for order in orders]
        settle = amended(order.order for order in orders)

        try:
            if len(orders) == 1:
                answer = await self.rest.modify(parameters[0])

                return [single_outcome(answer, client_ids[0], instrument, settle)]

            answer = await self.rest.modify_batch(parameters)

            return batch_outcomes(answer, client_ids, instrument, settle)
        except VenueError as error:
            return [unsent_or_lost(error, client_id) for client_id in client_ids]

    async def _place_chunk(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        parameters = [order_parameters(instrument, order) for order in orders]
        client_ids = [order.client_id for order in orders]
        urgent = orders[0].slot.kind.is_exit

        try:
            if len(orders) == 1:
                answer = await self.rest.place(parameters[0], urgent=urgent)
                outcomes: Sequence[Outcome] = [single_outcome(answer, client_ids[0], instrument, placed)]
            else:
                answer = await self.rest.place_batch(parameters, urgent=urgent)
                outcomes = batch_outcomes(answer, client_ids, instrument, placed)
        except VenueError as error:
            return [unsent_or_lost(error, client_id) for client_id in client_ids]

        self.names.remember_all(outcomes)

        return outcomes

    async def _cancel_chunk(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        client_ids = [order.client_id for order in orders]
        urgent = orders[0].urgent

        try:
            if len(orders) == 1:
                answer = await self.rest.cancel(instrument.symbol, client_ids[0], urgent=urgent)

                return [single_outcome(answer, client_ids[0], instrument, cancelled)]

            answer = await self.rest.cancel_batch(instrument.symbol, client_ids, urgent=urgent)

            return batch_outcomes(answer, client_ids, instrument, cancelled)
        except VenueError as error:
            return [unsent_or_lost(error, client_id) for client_id in client_ids]


async def _in_chunks(
    orders: Sequence[T],
    size: int,
    urgent: Callable[[T], bool],
    send: Callable[[Sequence[T]], Awaitable[Sequence[Outcome]]],
) -> Sequence[Outcome]:
    """Send chunks side by side, none of them mixing what is urgent with what is not; outcomes in order."""
    of_each = [[place for place, order in enumerate(orders) if urgent(order) is wanted] for wanted in (True, False)]
    chunks = [places[start : start + size] for places in of_each for start in range(0, len(places), size)]

    if len(chunks) == 1:
        return await send(orders)  # a task of its own would only take time

    outcomes: dict[int, Outcome] = {}

    async def run(places: Sequence[int]) -> None:
        results = await send([orders[place] for place in places])
        outcomes.update(zip(places, results, strict=True))

    async with anyio.create_task_group() as tasks:
        for places in chunks:
            tasks.start_soon(run, places)

    return [outcomes[place] for place in range(len(orders))]
