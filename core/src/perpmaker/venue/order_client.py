"""Commands about orders: in the venue's batches, what is urgent apart from what is not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import anyio
import attrs

from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.errors import VenueError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderReport
from perpmaker.model.outcome import Accepted, Outcome
from perpmaker.venue.answer import Answer
from perpmaker.venue.http_dialect import Endpoint, Parameters
from perpmaker.venue.order_outcome import Element, Evidence, OutcomeReader, amended, cancelled, placed

Order = TypeVar("Order", NewOrder, AmendOrder, CancelOrder)

_MOST_NAMES = 10_000


@attrs.frozen
class Command:
    """A request about one order, or about a batch of them.

    `fence_at`: the engine's time after which none of the orders can appear any more, where the venue says that by
    something else than the request's time (a height of its chain, say); see `Unknown`.
    """

    endpoint: Endpoint[object]
    parameters: Parameters
    fence_at: float | None = None


class OrderDialect(Protocol):
    """A venue's words for commands about orders of one kind, its stops or all others. It does no I/O.

    Of the orders that a request is about all are urgent, or none is. See also `AmendDialect`.
    """

    @property
    def most_placed(self) -> int:
        """How many orders one request may place or amend; 1 where there are no batches."""

    @property
    def most_cancelled(self) -> int:
        """How many orders one request may cancel."""

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Command:
        """Write a request that places orders."""

    def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """Write a request that takes orders off."""

    def read(self, instrument: Instrument, body: bytes, count: int) -> Sequence[Element] | None:
        """Read what an answer says about each of so many orders; None, or PayloadError, where it says nothing."""


@runtime_checkable
class AmendDialect(Protocol):
    """What an `OrderDialect` has besides, whose venue moves resting orders."""

    def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Command:
        """Write a request that moves resting orders."""


class CommandSender(Protocol):
    """Sends commands about orders: a `RestClient`, or what knows a quicker way to the venue."""

    @property
    def venue(self) -> str:
        """The venue's name, for people."""

    async def send(self, endpoint: Endpoint[object], parameters: Parameters, *, urgent: bool = False) -> Answer:
        """Send a command and return whatever was answered; errors as of `RestClient.send`."""


@attrs.define
class OrderNames:
    """The client ids of orders by the venue's ids, where some of what the venue tells bears only those."""

    _client_ids: OrderedDict[str, str] = attrs.field(factory=OrderedDict)

    def remember(self, report: OrderReport) -> OrderReport:
        """Keep an order's two ids together."""
        self.learn(report.venue_id, report.client_id)

        return report

    def learn(self, venue_id: str, client_id: str) -> None:
        """Keep a client id; an empty one where the venue knows it no more."""
        self._client_ids[venue_id] = client_id

        if len(self._client_ids) > _MOST_NAMES:
            self._client_ids.popitem(last=False)

    def client_id(self, venue_id: str) -> str | None:
        """Return our id of an order; None where it is not known."""
        return self._client_ids.get(venue_id)


class OrderClient:
    """Places, amends and cancels orders of one kind, with one outcome for each order, in order.

    Args:
        client: sends requests.
        dialect: the venue's words.
    """

    def __init__(self, client: CommandSender, dialect: OrderDialect) -> None:
        self.names = OrderNames()
        self._client = client
        self._dialect = dialect

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send new orders, exits apart from quotes."""
        batches = _batches(orders, self._dialect.most_placed, lambda order: order.slot.kind.is_exit)

        return await self._command(instrument, batches, self._dialect.place, placed)

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Move resting orders; TypeError where the dialect is no `AmendDialect`."""
        if not isinstance(self._dialect, AmendDialect):
            raise TypeError(f"{self._client.venue} moves no such orders")

        batches = _batches(orders, self._dialect.most_placed, lambda _: False)

        return await self._command(instrument, batches, self._dialect.amend, amended(one.order for one in orders))

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take orders off, what is urgent apart from what is not."""
        batches = _batches(orders, self._dialect.most_cancelled, lambda order: order.urgent)

        return await self._command(instrument, batches, self._dialect.cancel, cancelled)

    async def _command(
        self,
        instrument: Instrument,
        batches: Sequence[_Batch[Order]],
        write: Callable[[Instrument, Sequence[Order]], Command],
        evidence: Evidence,
    ) -> Sequence[Outcome]:
        """Send batches side by side; outcomes in the order in which the orders came."""
        found: dict[int, Outcome] = {}

        async def send(batch: _Batch[Order]) -> None:
            command = write(instrument, batch.orders)
            outcomes = await self._send(instrument, batch, command, evidence)
            found.update(zip(batch.places, outcomes, strict=True))

        if len(batches) == 1:
            await send(batches[0])  # a task of its own would only take time
        else:
            async with anyio.create_task_group() as tasks:
                for batch in batches:
                    tasks.start_soon(send, batch)

        return [found[place] for place in range(len(found))]

    async def _send(
        self, instrument: Instrument, batch: _Batch[Order], command: Command, evidence: Evidence
    ) -> Sequence[Outcome]:
        client_ids = [order.client_id for order in batch.orders]
        reader = OutcomeReader(self._client.venue, evidence, command.fence_at)

        try:
            answer = await self._client.send(command.endpoint, command.parameters, urgent=batch.urgent)
        except VenueError as error:
            return [reader.unsent_or_lost(error, client_id) for client_id in client_ids]

        def read(body: bytes) -> Sequence[Element] | None:
            return self._dialect.read(instrument, body, len(client_ids))

        outcomes = reader.outcomes(answer, read, client_ids)

        for outcome in outcomes:
            if isinstance(outcome, Accepted) and outcome.report is not None:
                self.names.remember(outcome.report)

        return outcomes


@attrs.frozen
class _Batch(Generic[Order]):
    """Orders of one request, and where they stood in the call."""

    orders: Sequence[Order]
    places: Sequence[int]
    urgent: bool


def _batches(orders: Sequence[Order], size: int, is_urgent: Callable[[Order], bool]) -> Sequence[_Batch[Order]]:
    """Divide orders into batches, none of them mixing what is urgent with what is not."""
    of_kind = {kind: [place for place, one in enumerate(orders) if is_urgent(one) is kind] for kind in (True, False)}

    return [
        _Batch([orders[place] for place in places[start : start + size]], places[start : start + size], urgent)
        for urgent, places in of_kind.items()
        for start in range(0, len(places), size)
    ]
