"""Carries out what was decided: actions become calls of the connector, outcomes become account events.

An order's outcome is never an exception here. What is known for certain is said so (`OrderAccepted`,
`OrderRefused`, ...); everything else is `OrderUnknown`, with the moment after which the venue's "no such order"
becomes proof. Nothing is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

import anyio
import anyio.lowlevel
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import Amending, VenueStops
from perpmaker.connector.interface import AmendOrder, CancelOrder, DerivativeConnector
from perpmaker.errors import AuthenticationError, ExitCode, PluginFaultError, VenueError
from perpmaker.execution.action import Action, Amend, Cancel, Place
from perpmaker.model.command_event import (
    AmendHandedOn,
    AmendRefused,
    CancelHandedOn,
    CancelRefused,
    Command,
    OrderAccepted,
    OrderRefused,
    OrderUnknown,
)
from perpmaker.model.event import Event, Halted, OrderAmended, OrderCancelled, OrderReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import CancelCause, NewOrder, OrderStatus
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import Refusal, RefusalReason

LOCKED_OUT_S = 30.0

_Sent = TypeVar("_Sent", NewOrder, CancelOrder, AmendOrder)
_Send: TypeAlias = Callable[[Instrument, Sequence[_Sent]], Awaitable[Sequence[Outcome]]]
_Batch: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Emit = Callable[[Sequence[Event]], None]


@attrs.define(kw_only=True)
class Gate:
    """Closed for `LOCKED_OUT_S` after the venue did not accept our key, so that a ban is not earned by trying on."""

    clock: Clock
    _opens_at: float = attrs.field(default=float("-inf"), alias="opens_at")

    @property
    def wait_s(self) -> float:
        """Seconds until something may be sent again. 0 when it may now."""
        return max(0.0, self._opens_at - self.clock.now())

    @property
    def was_shut(self) -> bool:
        """Whether the key was ever not accepted."""
        return self._opens_at > float("-inf")

    def shut(self) -> None:
        """The key was not accepted just now."""
        self._opens_at = self.clock.now() + LOCKED_OUT_S


@attrs.frozen(kw_only=True)
class Dispatcher:
    """Sends the orders, amends and cancels of one market, and emits what became of each."""

    connector: DerivativeConnector
    instrument: Instrument
    clock: Clock
    gate: Gate
    emit: Emit

    async def dispatch(self, actions: Sequence[Action]) -> None:
        """Send what one decision asks for: exits and cancels first, then amends and quotes, each kind in one batch.

        They are under way side by side; the events of a batch are emitted as soon as it is answered. Never raises
        for what becomes of an order; when it is cancelled, what was under way counts as unknown.
        """
        quotes = [
            action.order for action in actions if isinstance(action, Place) and not action.order.slot.kind.is_exit
        ]
        first = list(self._first(actions))
        last = [*self._amends(actions)]
        last += [partial(self._place, self.connector.place, quotes)] if quotes else []
        batches = [*first, *last]

        if len(batches) == 1:
            await batches[0]()  # a task of its own would only take time
            return

        async with anyio.create_task_group() as group:
            for send in first:
                group.start_soon(send)

            for send in last:
                await anyio.lowlevel.checkpoint()  # what shrinks the risk has its turn at the wire first
                group.start_soon(send)

    def _first(self, actions: Sequence[Action]) -> Iterator[_Batch]:
        """What sends exits and cancels, each batch by itself, those of stops to where the venue keeps them."""
        exits = [action.order for action in actions if isinstance(action, Place) and action.order.slot.kind.is_exit]
        cancels = [action for action in actions if isinstance(action, Cancel)]
        stops = self.connector if isinstance(self.connector, VenueStops) else None

        if orders := [order for order in exits if not order.type.is_conditional]:
            yield partial(self._place, self.connector.place, orders)

        if stops and (orders := [order for order in exits if order.type.is_conditional]):
            yield partial(self._place, stops.place_stops, orders)

        if regular := [action for action in cancels if not action.kind.is_conditional]:
            yield partial(self._cancel, self.connector.cancel, regular)

        if stops and (resting := [action for action in cancels if action.kind.is_conditional]):
            yield partial(self._cancel, stops.cancel_stops, resting)

    def _amends(self, actions: Sequence[Action]) -> Iterator[_Batch]:
        """What sends amends, which the connector that is asked for them has."""
        amends = [action for action in actions if isinstance(action, Amend)]

        if amends and isinstance(self.connector, Amending):
            yield partial(self._amend, self.connector.amend, amends)

    async def _amend(self, send: _Send[AmendOrder], actions: Sequence[Amend]) -> None:
        """Send amends and emit their outcomes."""
        orders = [AmendOrder(order=action.order, venue_id=action.venue_id, number=action.number) for action in actions]
        outcomes = await self._outcomes(send, orders)
        pairs = zip(orders, outcomes, strict=True)
        self.emit([event for order, outcome in pairs for event in self._amended(order, outcome)])

    async def _place(self, send: _Send[NewOrder], orders: Sequence[NewOrder]) -> None:
        """Send new orders and emit their outcomes."""
        outcomes = await self._outcomes(send, orders)
        self.emit([event for outcome in outcomes for event in self._placed(outcome)])

    async def _cancel(self, send: _Send[CancelOrder], actions: Sequence[Cancel]) -> None:
        """Send cancels and emit their outcomes."""
        wanted = sorted(actions, key=lambda action: not action.kind.is_exit)
        orders = [CancelOrder(client_id=action.client_id, venue_id=action.venue_id) for action in wanted]
        outcomes = await self._outcomes(send, orders)
        self.emit([event for outcome in outcomes for event in self._cancelled(outcome)])

    async def _outcomes(self, send: _Send[_Sent], orders: Sequence[_Sent]) -> Sequence[Outcome]:
        """One outcome for each order, in order, whatever the connector does: a missing one is unknown.

        Such a one may have been signed at any moment until now: its fence counts from the last of them.
        """
        if self.gate.wait_s:
            refusal = Refusal(
                reason=RefusalReason.AUTHENTICATION,
                text="not sent: the venue did not accept the key",
                retry_after_s=self.gate.wait_s,
            )

            return [Rejected(client_id=order.client_id, refusal=refusal) for order in orders]

        try:
            outcomes = _checked(await send(self.instrument, orders))
        except VenueError as error:
            outcomes, detail = [], str(error)

            if isinstance(error, AuthenticationError):
                self._lock_out(detail)
        except PluginFaultError as fault:
            outcomes, detail = [], str(fault)
            self.emit([Halted(reason=detail, code=fault.exit_code)])
        except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained here, and told as a halt
            outcomes, detail = [], f"{type(error).__name__}: {error}"
            reason = f"the connector {self.connector.name} failed on an order ({detail})"
            self.emit([Halted(reason=reason, code=ExitCode.PLUGIN)])
        else:
            detail = "the answer did not speak of it"

        known = {outcome.client_id: outcome for outcome in outcomes}
        signed_at = self.clock.now()

        if (words := next(filter(None, map(_lock_out_words, outcomes)), None)) is not None:
            self._lock_out(words)

        return [
            self._dated(known[order.client_id])
            if order.client_id in known
            else Unknown(client_id=order.client_id, detail=detail, signed_at=signed_at)
            for order in orders
        ]

    def _dated(self, outcome: Outcome) -> Outcome:
        """The outcome; of one that was refused for the key also for how long nothing is sent now."""
        if _lock_out_words(outcome) is None or not isinstance(outcome, Rejected):
            return outcome

        return attrs.evolve(outcome, refusal=attrs.evolve(outcome.refusal, retry_after_s=self.gate.wait_s))

    def _lock_out(self, detail: str) -> None:
        """The key is not accepted any more: nothing is sent for a while, and a person has to look."""
        self.gate.shut()
        self.emit([Halted(reason=f"{self.connector.name} does not accept the key any more: {detail}")])

    def _placed(self, outcome: Outcome) -> Iterator[Event]:
        """The events that the outcome of a new order amounts to."""
        match outcome:
            case Accepted(by_gateway=True, client_id=client_id, venue_id=venue_id, venue_ms=venue_ms):
                yield OrderAccepted(
                    client_id=client_id,
                    venue_id=venue_id,
                    venue_ms=venue_ms,
                    by_gateway=True,
                    fence_at=outcome.fence_at or self.clock.now() + self.connector.fence_s,
                )
            case Accepted(client_id=client_id, venue_id=venue_id, venue_ms=venue_ms, report=report):
                yield OrderAccepted(client_id=client_id, venue_id=venue_id, venue_ms=venue_ms)

                if report is not None:
                    yield OrderReported(report=report)
            case Rejected(client_id=client_id, refusal=refusal):
                yield OrderRefused(client_id=client_id, refusal=refusal)
            case Unknown():
                yield self._unknown(outcome, Command.PLACE)

    def _amended(self, asked: AmendOrder, outcome: Outcome) -> Iterator[Event]:
        """The events that the outcome of an amend amounts to."""
        order, number = asked.order, asked.number

        match outcome:
            case Accepted(by_gateway=True, fence_at=fence_at):
                fence_at = fence_at or self.clock.now() + self.connector.fence_s
                yield AmendHandedOn(client_id=order.client_id, number=number, fence_at=fence_at)
            case Accepted(report=report) if report is not None:
                if report.status is OrderStatus.OPEN and report.ticks is not None and report.lots is not None:
                    yield OrderAmended(
                        client_id=order.client_id,
                        ticks=report.ticks,
                        lots=report.lots,
                        venue_ms=report.venue_ms,
                        number=number,
                    )

                yield OrderReported(report=report)
            case Accepted(venue_ms=venue_ms):
                ticks = order.ticks or 0
                yield OrderAmended(
                    client_id=order.client_id, ticks=ticks, lots=order.lots, venue_ms=venue_ms, number=number
                )
            case Rejected(refusal=refusal):
                yield AmendRefused(client_id=order.client_id, refusal=refusal, number=number)
            case Unknown():
                yield self._unknown(outcome, Command.AMEND)

    def _cancelled(self, outcome: Outcome) -> Iterator[Event]:
        """The events that the outcome of a cancel amounts to."""
        match outcome:
            case Accepted(by_gateway=True, client_id=client_id):
                yield CancelHandedOn(client_id=client_id)
            case Accepted(report=report) if report is not None and report.status is not OrderStatus.CANCELLED:
                yield OrderReported(report=report)
            case Accepted(client_id=client_id, venue_ms=venue_ms, report=report):
                filled = None if report is None else report.filled_lots
                yield OrderCancelled(
                    client_id=client_id, cause=CancelCause.REQUESTED, filled_lots=filled, venue_ms=venue_ms
                )
            case Rejected(client_id=client_id, refusal=refusal):
                yield CancelRefused(client_id=client_id, refusal=refusal)
            case Unknown():
                yield self._unknown(outcome, Command.CANCEL)

    def _unknown(self, outcome: Unknown, command: Command) -> OrderUnknown:
        """Not known, until the venue is asked after the fence."""
        fence_at = outcome.signed_at + self.connector.fence_s if outcome.fence_at is None else outcome.fence_at

        return OrderUnknown(client_id=outcome.client_id, command=command, detail=outcome.detail, fence_at=fence_at)


def _checked(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """The outcomes, when they are some; TypeError for whatever else a connector has answered."""
    for outcome in outcomes:
        if not isinstance(outcome, Outcome):
            raise TypeError(f"{type(outcome).__name__} is no outcome of an order")

    return outcomes


def _lock_out_words(outcome: Outcome) -> str | None:
    """The venue's words when it refused for the key; None for every other outcome."""
    if isinstance(outcome, Rejected) and outcome.refusal.reason is RefusalReason.AUTHENTICATION:
        return f"{outcome.refusal.text} (code {outcome.refusal.code})"

    return None
