"""Stops on the venue that bear no id of ours: known by the venue's id, learned from the report that follows our call.

Such is the one stop that a position itself has on some venues. A new one takes the place of the old one there, under a
new id or under the same, so that the venue's word on the end of the old one is no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from perpmaker.model.event import Event, OrderCancelled, OrderFilled, OrderReported, Resynced
from perpmaker.model.order import CancelCause, Fill, OrderKind, OrderReport, OrderStatus, Slot
from perpmaker.model.reading import AccountSeen
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.order_index import OrderIndex

REMEMBERED: Final = 64
"""Stops whose ids are remembered, so that their last fills find them."""

_TELLS_OF: Final = frozenset({OrderStatus.OPEN, OrderStatus.FILLED})


class StopNames:
    """Our ids of such stops, by the venue's. `orders` are our orders as they stand.

    What has been named once is an order like any other; naming it again changes nothing.
    """

    def __init__(self, orders: OrderIndex) -> None:
        self._orders = orders
        self._known: dict[str, str] = {}
        self._named_once: dict[str, None] = {}
        self._shown: dict[str, None] = {}  # what the stream has shown, and nobody had asked for by then
        self._learned: list[tuple[str, str]] = []

    @property
    def known(self) -> Mapping[str, str]:
        """Client ids by the venue's ids, the newest last."""
        return dict(self._known)

    def recall(self, known: Mapping[str, str]) -> None:
        """Take what an earlier run has learned."""
        self._known.update(known)
        self._named_once.update(dict.fromkeys(known.values()))

    def named(self, events: Iterable[Event]) -> Sequence[Event]:
        """The events with our ids in them, as far as those are known, and the ends of stops that were replaced."""
        return tuple(named for event in events for named in self._named(event))

    def reports(self, reports: Iterable[OrderReport]) -> tuple[OrderReport, ...]:
        """Reports with our ids in them, as far as those are known."""
        return tuple(map(self.report, reports))

    def report(self, report: OrderReport) -> OrderReport:
        """A report with our id in it; as it is where nobody can tell which of our calls it follows."""
        if not report.of_position:
            return report

        client_id = self._known.get(report.venue_id)

        if self._is_moved(client_id, report) and (asked := self._asked_for(report)) is not None:
            client_id = asked.client_id
            self.know(report.venue_id, client_id)

        return report if client_id is None else attrs.evolve(report, client_id=client_id, of_position=False)

    def answer(self, client_id: str, report: OrderReport) -> OrderReport:
        """The venue's answer about one stop of ours: over where its id bears another one of ours by now."""
        named = self.report(report)

        if named.of_position:
            self.know(report.venue_id, client_id)
            named = attrs.evolve(report, client_id=client_id, of_position=False)

        if named.client_id == client_id:
            return named

        return attrs.evolve(named, client_id=client_id, status=OrderStatus.CANCELLED, raw_status="replaced")

    def know(self, venue_id: str, client_id: str) -> None:
        """A stop of ours bears this id of the venue."""
        self._learned = [*self._learned[-REMEMBERED:], (venue_id, client_id)]
        self._known[venue_id] = client_id
        _keep(self._named_once, client_id)

        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def take_learned(self) -> list[tuple[str, str]]:
        """Return the newest that was learned since this was asked last: ids of the venue, and ours."""
        learned, self._learned = self._learned, []

        return learned

    def _named(self, event: Event) -> Iterator[Event]:
        match event:
            case OrderReported(report=OrderReport(of_position=True) as report):
                yield from self._told(event, self.report(report))
            case OrderFilled(fill=Fill(of_position=True) as fill):
                yield OrderFilled(fill=self._fill(fill))
            case AccountSeen(orders=orders):
                yield attrs.evolve(event, orders=self.reports(orders))
            case Resynced(orders=orders, finished=finished, fills=fills):
                yield attrs.evolve(
                    event,
                    orders=self.reports(orders),
                    finished=self.reports(finished),
                    fills=tuple(map(self._fill, fills)),
                )
            case _:
                yield event

    def _told(self, event: OrderReported, report: OrderReport) -> Iterator[Event]:
        """What a report comes to: the end of a stop that a newer one has replaced, or itself and such ends."""
        if report.of_position:
            if event.by_stream:
                _keep(self._shown, report.venue_id)

            yield event
            return

        others = [order for order in self._of_position(report) if order.client_id != report.client_id]
        own = self._orders.live.get(report.client_id)

        is_over = report.status is OrderStatus.CANCELLED and not (report.triggered or report.filled_lots)

        if own is not None and is_over and any(order.sent_at > own.working.sent_at for order in others):
            yield _replaced(report.client_id, report.venue_ms)
            return

        yield attrs.evolve(event, report=report, by_stream=event.by_stream or report.venue_id in self._shown)

        if own is not None and report.status is OrderStatus.OPEN:
            named = self._named_once
            older = (order for order in others if order.sent_at <= own.working.sent_at and order.client_id in named)
            yield from (_replaced(order.client_id, report.venue_ms) for order in older)

    def _fill(self, fill: Fill) -> Fill:
        client_id = self._known.get(fill.venue_id) if fill.of_position else None

        return fill if client_id is None else attrs.evolve(fill, client_id=client_id, of_position=False)

    def _is_moved(self, client_id: str | None, report: OrderReport) -> bool:
        """Whether a report may be of another stop of ours than what its id was known for: that has another trigger."""
        own = None if client_id is None else self._orders.live.get(client_id)

        return own is None or own.working.order.ticks != report.ticks

    def _asked_for(self, report: OrderReport) -> WorkingOrder | None:
        """The newest stop that we asked for at this trigger, and whose id on the venue is not known yet."""
        if report.status not in _TELLS_OF:
            return None

        named = self._named_once
        found = [
            order
            for order in self._of_position(report)
            if order.client_id not in named
            and order.order.ticks == report.ticks
            and report.trigger in {None, order.order.trigger}
        ]

        return max(found, key=lambda order: order.sent_at, default=None)

    def _of_position(self, report: OrderReport) -> list[WorkingOrder]:
        """Our live stops of the position that the report is about."""
        slot = Slot(OrderKind.VENUE_STOP, report.side, 0, report.position_side)

        return [order for order in self._orders.working() if order.slot == slot]


def _keep(names: dict[str, None], name: str) -> None:
    names[name] = None

    if len(names) > REMEMBERED:
        del names[next(iter(names))]


def _replaced(client_id: str, venue_ms: int) -> OrderCancelled:
    return OrderCancelled(client_id=client_id, cause=CancelCause.REQUESTED, filled_lots=0, venue_ms=venue_ms)
