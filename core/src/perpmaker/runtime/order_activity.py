"""What observers alone are told of orders: each refusal, and each quote that is sent, moved or taken off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from perpmaker.decision.exit_refusals import words_of
from perpmaker.decision.notices import plain
from perpmaker.execution.action import Action, Amend, Cancel, Place
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.command_event import AmendRefused, CancelRefused, OrderRefused
from perpmaker.model.event import Event, OrderReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind
from perpmaker.model.refusal import Refusal
from perpmaker.plugins.observer import Activity


@attrs.frozen(kw_only=True)
class OrderActivity:
    """Words refusals and quotes. A person is told of those that matter by the trader's own notices."""

    instrument: Instrument
    known: OrderIntents

    def refusals(self, events: Sequence[Event]) -> Iterator[Activity]:
        """Yield what the venue has refused."""
        for event in events:
            match event:
                case OrderRefused(client_id=client_id, refusal=refusal):
                    yield self._refused("place", client_id, refusal)
                case AmendRefused(client_id=client_id, refusal=refusal):
                    yield self._refused("amend", client_id, refusal)
                case CancelRefused(client_id=client_id, refusal=refusal):
                    yield self._refused("cancel", client_id, refusal)
                case OrderReported(report=report) if report.refusal is not None:
                    yield self._refused("place", report.client_id, report.refusal)
                case _:
                    pass

    def quotes(self, actions: Iterable[Action]) -> Iterator[Activity]:
        """Yield what becomes of quotes by commands that are being sent."""
        for action in actions:
            match action:
                case Place(order=order) if order.slot.kind.is_quote:
                    yield self._quote("placed", order.client_id, order)
                case Amend(order=order) if order.slot.kind.is_quote:
                    yield self._quote("moved", order.client_id, order)
                case Cancel(kind=OrderKind.QUOTE, client_id=client_id):
                    yield self._quote("cancelled", client_id, self.known.sent.get(client_id))
                case _:
                    pass

    def _refused(self, command: str, client_id: str, refusal: Refusal) -> Activity:
        order = self.known.sent.get(client_id)
        what = "an order" if order is None else str(order.slot)

        return Activity(
            kind="refusal",
            text=f"{what}: {command} {words_of(refusal)}",
            facts={
                "command": command,
                "reason": refusal.reason.value,
                "code": refusal.code,
                "venue_text": refusal.text,
                "client_id": client_id,
                **self._facts(order),
            },
            is_told=False,
        )

    def _quote(self, what: str, client_id: str, order: NewOrder | None) -> Activity:
        facts = self._facts(order)
        place = "" if not facts else f": {plain(facts['amount'])} at {plain(facts['price'])}"

        return Activity(
            kind="quote",
            text=f"{'quote' if order is None else order.slot} {what}{place}",
            facts={"change": what, "client_id": client_id, **facts},
            is_told=False,
        )

    def _facts(self, order: NewOrder | None) -> dict[str, Any]:
        if order is None or order.ticks is None:
            return {}

        return {
            "purpose": order.slot.kind.value,
            "side": order.side.value,
            "level": order.slot.level,
            "position_side": order.position_side.value,
            "price": self.instrument.price(order.ticks),
            "amount": self.instrument.amount(order.lots),
        }
