"""The stops that a scenario's venue keeps: conditional orders in a namespace of their own, by the mark price."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker.model.command_event import CancelRefused, OrderAccepted, OrderRefused
from perpmaker.model.event import Event, OrderCancelled
from perpmaker.model.order import CancelCause, NewOrder, OrderReport
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.paper.translation import stop_report_of, stop_request_of
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.simulation.rejection import RejectionError


class Stops:
    """Places, ends and reports the stops of one account; `trigger x` closes whatever the position is by then."""

    def __init__(self, exchange: Exchange, account: str) -> None:
        self._exchange = exchange
        self._account = account

    def place(self, order: NewOrder, now_ms: int) -> Event:
        """Take a stop; the venue's answer. Of those that close the whole position one rests in each direction."""
        request = stop_request_of(order, self._exchange.instrument)
        kind = request.kind

        if order.whole and any(
            (one.side, one.position_side, one.kind) == (order.side, order.position_side, kind) and one.close_position
            for one in self.waiting()
        ):
            refusal = Refusal(reason=RefusalReason.STOP_EXISTS, code="-4130", text="a closePosition order rests there")

            return OrderRefused(client_id=order.client_id, refusal=refusal)

        try:
            stop = self._exchange.place_conditional(self._account, request, now_ms)
        except RejectionError as denied:
            return OrderRefused(client_id=order.client_id, refusal=denied.refusal)

        return OrderAccepted(client_id=order.client_id, venue_id=str(stop.conditional_id), venue_ms=stop.created_ms)

    def cancel(self, client_id: str, now_ms: int) -> Event:
        """Take a stop off; the venue's answer."""
        try:
            ended = self._exchange.cancel_conditional(self._account, client_id=client_id, now_ms=now_ms)
        except RejectionError as denied:
            return CancelRefused(client_id=client_id, refusal=denied.refusal)

        return OrderCancelled(client_id=client_id, cause=CancelCause.REQUESTED, venue_ms=ended.updated_ms)

    def known(self, client_id: str) -> OrderReport | None:
        """What the venue knows of a stop; None when the id is no stop's."""
        stop = self._exchange.conditional(self._account, client_id=client_id)

        return None if stop is None else self.report(stop)

    def waiting(self) -> Sequence[ConditionalOrder]:
        """The stops that may still be triggered."""
        return self._exchange.conditional_orders(self._account)

    def report(self, stop: ConditionalOrder) -> OrderReport:
        """A stop as the venue shows it; once triggered it stands for the order that it became."""
        became = None if stop.order_id is None else self._exchange.order(self._account, order_id=stop.order_id)

        return stop_report_of(stop, became)
