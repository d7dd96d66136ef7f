"""Orders of ours that an earlier run left on the venue: taken back into their slots, or taken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from perpmaker.decision.earlier_fills import note_earlier_fills
from perpmaker.model.client_id import ClientIds
from perpmaker.model.event import Resynced
from perpmaker.model.order import NewOrder, OrderKind, OrderReport, OrderStatus, OrderType, Slot, StopTrigger
from perpmaker.model.reading import AccountSeen
from perpmaker.state.orders import Orders
from perpmaker.state.state import State
from perpmaker.state.survey import UNADOPTED

SHOWN = 3


@attrs.frozen(kw_only=True)
class OrderAdoption:
    """`client_ids` tell an own client id, `intent` what the order was meant for; None when nobody knows it.

    `is_strange` tells an id with our mark that another process has made, which trades beside us.
    """

    client_ids: ClientIds
    intent: Callable[[str], NewOrder | None]
    is_strange: Callable[[str], bool]

    def take_in(
        self,
        event: AccountSeen | Resynced,
        state: State,
        judge_company: Callable[[Sequence[str]], Iterator[str]],
        now: float,
    ) -> Iterator[str]:
        """Take in a reading: what it lists, whether another process trades here, what no process has watched."""
        of_unknown_runs = self.of_unknown_runs(state.orders, event.orders)
        exits_only = isinstance(event, AccountSeen)
        yield from self.adopt(state.orders, event.orders, of_unknown_runs, now, exits_only=exits_only)
        yield from judge_company(of_unknown_runs)

        if isinstance(event, Resynced):
            note_earlier_fills(event, state, self.intent, now)

    def of_unknown_runs(self, orders: Orders, reports: Sequence[OrderReport]) -> Sequence[str]:
        """The client ids of open orders of another process; what was taken over is ours, also without a journal."""
        return [
            report.client_id
            for report in reports
            if report.status is OrderStatus.OPEN
            and report.client_id not in orders.live
            and self.is_strange(report.client_id)
        ]

    def adopt(
        self,
        orders: Orders,
        reports: Sequence[OrderReport],
        of_unknown_runs: Sequence[str],
        now: float,
        *,
        exits_only: bool = False,
    ) -> Iterator[str]:
        """Take over what the venue lists and we do not know; a line for people of each. Foreign orders are not touched.

        Nor are `of_unknown_runs`. An order without a known purpose, or for a slot that is taken, is cancelled; but a
        stop on the venue says itself what it is for, and stays until another rests in its place. `exits_only`: quotes
        are left as they are until the account's history has been read.
        """
        taken = {order.slot for order in orders.working()}

        for report in reports:
            client_id = report.client_id

            if (
                not self.client_ids.is_ours(client_id)
                or client_id in orders.live
                or report.status is not OrderStatus.OPEN
            ):
                continue

            if client_id in of_unknown_runs:
                continue

            if client_id in orders.finished:
                orders.reported(report, now)
                continue

            order = self.intent(client_id)

            is_left_by_end = report.type.is_conditional and self.client_ids.is_of_this_start(client_id)

            if order is not None and is_left_by_end:  # it is what it was meant for, and is told of already
                orders.adopt(order, report, now)
                taken.add(order.slot)
                continue

            order = _stop(report) if order is None and report.type is OrderType.VENUE_STOP else order
            order = _unadopted(report) if order is None or report.lots is None or order.slot in taken else order

            if exits_only and not order.slot.kind.is_exit:
                continue

            orders.adopt(order, report, now)
            taken.add(order.slot)

            if order.slot.level == UNADOPTED:
                yield f"order {client_id} of an earlier run or of another running bot is live: cancelled"
            else:
                yield f"order {client_id} of an earlier run is live: taken over as {order.slot}"


def told_of(of_unknown_runs: Sequence[str]) -> str:
    """Orders of another process, by their client ids, in words."""
    named = ", ".join(of_unknown_runs[:SHOWN])
    more = f" and {len(of_unknown_runs) - SHOWN} more" if len(of_unknown_runs) > SHOWN else ""

    whose = "perpmaker's, of a run that the journal here does not know"

    return f"{len(of_unknown_runs)} open orders are {whose} ({named}{more})"


def _stop(report: OrderReport) -> NewOrder:
    """A stop on the venue as it shows: it protects the position, if there is one, whoever forgot about it."""
    return NewOrder(
        client_id=report.client_id,
        slot=Slot(OrderKind.VENUE_STOP, report.side, 0, report.position_side),
        lots=max(1, report.lots or 0),
        ticks=report.ticks,
        type=OrderType.VENUE_STOP,
        reduce_only=report.reduce_only,
        trigger=report.trigger or StopTrigger.MARK,
        whole=report.whole,
    )


def _unadopted(report: OrderReport) -> NewOrder:
    """An order in a slot of its own, in which nothing is ever wanted."""
    kind = OrderKind.TAKE_PROFIT if report.reduce_only else OrderKind.QUOTE
    kind = {OrderType.VENUE_STOP: OrderKind.VENUE_STOP, OrderType.VENUE_TARGET: OrderKind.VENUE_TARGET}.get(
        report.type, kind
    )

    return NewOrder(
        client_id=report.client_id,
        slot=Slot(kind, report.side, UNADOPTED, report.position_side),
        lots=max(1, report.lots or 0),
        ticks=report.ticks,
        type=report.type if report.type.is_conditional else OrderType.LIMIT,
        reduce_only=report.reduce_only,
        whole=report.whole,
    )
