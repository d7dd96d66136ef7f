"""How many orders a run brought to the venue, moved, and took off again, each counted once however often told of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import attrs

from perpmaker.model.command_event import CancelHandedOn, OrderAccepted
from perpmaker.model.event import Event, OrderAmended, OrderCancelled, OrderFilled, OrderReported, Resynced
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderReport, OrderStatus, Slot

REMEMBERED = 4_000


class _Seen:
    """Remembers the newest `REMEMBERED` names, so that memory stays bounded."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()

    def is_new(self, name: str) -> bool:
        """Whether the name was not known; it is from now on."""
        if name in self._names:
            return False

        self._names[name] = None

        if len(self._names) > REMEMBERED:
            self._names.popitem(last=False)

        return True


@attrs.define(kw_only=True)
class OrderStats:
    """`kind_of` tells what an order of ours is for, None for orders that are not of this run; `intent` is the order.

    Orders count once the venue is known to have (had) them, cancels and amends once it confirmed them. A stop that is
    moved over a bridge counts once at its new level: the bridge and what replaces it there are one stop to a person.
    """

    kind_of: Callable[[str], OrderKind | None]
    intent: Callable[[str], NewOrder | None] = lambda _: None
    placed: dict[OrderKind, int] = attrs.field(factory=lambda: dict.fromkeys(OrderKind, 0))
    cancels: int = 0
    amends: int = 0
    _orders: _Seen = attrs.field(factory=_Seen, init=False)
    _cancelled: _Seen = attrs.field(factory=_Seen, init=False)
    _handed_on: OrderedDict[str, None] = attrs.field(factory=OrderedDict, init=False)
    _amended: _Seen = attrs.field(factory=_Seen, init=False)
    _bridges: dict[Slot, NewOrder] = attrs.field(factory=dict, init=False)

    def fold(self, events: Iterable[Event]) -> None:
        """Count what happened; what was told before counts nothing."""
        for event in events:
            match event:
                case OrderAccepted(client_id=client_id, by_gateway=False):
                    self._count(client_id)
                case OrderFilled(fill=fill):
                    self._count(fill.client_id)
                case OrderReported(report=report):
                    self._count_report(report)
                case OrderCancelled(
                    cause=CancelCause.REQUESTED | CancelCause.UNEXPLAINED as cause, client_id=client_id
                ):
                    self._count_cancelled(client_id, asked=cause is CancelCause.REQUESTED)
                case CancelHandedOn(client_id=client_id):
                    self._hand_on(client_id)
                case OrderAmended(client_id=client_id, number=number) if number:
                    self._count_amend(client_id, number)
                case Resynced(orders=orders, finished=finished):
                    for report in (*orders, *finished):
                        self._count_report(report)
                case _:
                    pass

    def _count_report(self, report: OrderReport) -> None:
        """A report proves that the venue had the order, unless it says that it was refused."""
        if report.status not in {None, OrderStatus.REFUSED} and report.refusal is None:
            self._count(report.client_id)

        if report.status is OrderStatus.CANCELLED and not report.ended_by_venue and not report.ended_by_rule:
            self._count_cancelled(report.client_id, asked=False)

    def _count(self, client_id: str) -> None:
        kind = self.kind_of(client_id)

        if kind is not None and self._orders.is_new(client_id) and not self._ends_a_move(client_id):
            self.placed[kind] += 1

    def _ends_a_move(self, client_id: str) -> bool:
        """Whether a stop on the venue takes the place of its bridge, which was counted at the same level."""
        order = self.intent(client_id)

        if order is None or order.slot.kind is not OrderKind.VENUE_STOP:
            return False

        bridge = self._bridges.pop(order.slot, None)

        if not order.whole:
            self._bridges[order.slot] = order
            return False

        return bridge is not None and (bridge.ticks, bridge.trigger) == (order.ticks, order.trigger)

    def _hand_on(self, client_id: str) -> None:
        """Remember a cancel that only a gateway has taken; a report confirms it."""
        self._handed_on[client_id] = None

        if len(self._handed_on) > REMEMBERED:
            self._handed_on.popitem(last=False)

    def _count_cancelled(self, client_id: str, *, asked: bool) -> None:
        """Count a cancel that was confirmed; `asked`: by the answer itself, else where a gateway had taken it."""
        if not asked and client_id not in self._handed_on:
            return

        if self.kind_of(client_id) is OrderKind.QUOTE and self._cancelled.is_new(client_id):
            self.cancels += 1

    def _count_amend(self, client_id: str, number: int) -> None:
        if self.kind_of(client_id) is not None and self._amended.is_new(f"{client_id} {number}"):
            self.amends += 1
