"""What a feed has said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import TypeVar

import attrs

from perpmaker.connector.interface import Feed
from perpmaker.model.command_event import OrderAccepted, OrderRefused
from perpmaker.model.event import BookChanged, BookSnapshot, Event, OrderCancelled, OrderFilled, OrderReported
from perpmaker.model.order import CancelCause, Fill, OrderReport, OrderStatus
from perpmaker.model.refusal import RefusalReason

_Kind = TypeVar("_Kind", bound=Event)


@attrs.define
class Heard:
    """The events of one feed, in order; `error` is what ended it, `path` that of its socket."""

    events: list[Event] = attrs.field(factory=list)
    error: BaseException | None = None
    path: str = ""

    def of(self, kind: type[_Kind]) -> Sequence[_Kind]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def reports(self, client_id: str) -> Sequence[OrderReport]:
        """Return what was told of an order."""
        return [event.report for event in self.of(OrderReported) if event.report.client_id == client_id]

    def story(self, client_id: str) -> Sequence[OrderStatus | None]:
        """Return what became of an order, by whichever events told it, without its fills."""
        return [status for event in self.events if (status := _status(event, client_id)) is not ...]

    def ended_by_venue(self, client_id: str) -> bool:
        """Whether the venue ended an order by its own rules."""
        cancelled = [event for event in self.of(OrderCancelled) if event.client_id == client_id]
        reports = self.reports(client_id)

        return any(report.ended_by_venue or report.ended_by_rule for report in reports) or any(
            event.cause in {CancelCause.VENUE, CancelCause.RULE} for event in cancelled
        )

    def refusals(self, client_id: str) -> Sequence[RefusalReason]:
        """Return why an order was refused, as the stream told it."""
        refused = [event.refusal for event in self.of(OrderRefused) if event.client_id == client_id]
        reported = [report.refusal for report in self.reports(client_id) if report.refusal is not None]

        return [refusal.reason for refusal in (*refused, *reported)]

    def fills(self, client_id: str) -> Sequence[Fill]:
        """Return the executions of an order."""
        return [event.fill for event in self.of(OrderFilled) if event.fill.client_id == client_id]

    def book(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return the book (lots by ticks) that the events make, bids and asks."""
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}

        for event in self.events:
            if isinstance(event, BookSnapshot):
                bids.clear()
                asks.clear()

            if isinstance(event, BookSnapshot | BookChanged):
                bids.update(event.bids)
                asks.update(event.asks)

        return {ticks: lots for ticks, lots in bids.items() if lots}, {t: lots for t, lots in asks.items() if lots}

    def forget(self) -> None:
        """Forget what was said until now."""
        self.events.clear()


def _status(event: Event, client_id: str) -> OrderStatus | EllipsisType | None:
    """What an event says of an order: its status, None where that is not known, and ... where it is about another."""
    match event:
        case OrderReported() if event.report.client_id == client_id:
            return event.report.status
        case OrderAccepted() if event.client_id == client_id:
            return OrderStatus.OPEN
        case OrderCancelled() if event.client_id == client_id:
            return OrderStatus.CANCELLED
        case OrderRefused() if event.client_id == client_id:
            return OrderStatus.REFUSED

    return ...


async def follow(feed: Feed, heard: Heard, opened: Callable[[], object]) -> None:
    """Open a feed, say so, and hear it until it ends; an error before it is open is raised."""
    is_open = False

    try:
        async with feed.open() as receiver:
            is_open = True
            opened()

            while True:
                heard.events.extend(await receiver.receive())
    except Exception as error:
        heard.error = error

        if not is_open:
            raise
