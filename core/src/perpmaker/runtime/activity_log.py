"""What happened, in lines that a person can follow: each execution, each closing order, each lost stream."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import attrs

from perpmaker.decision.exit_refusals import name_of
from perpmaker.decision.notices import QUIET_S, plain
from perpmaker.execution.action import Action, Place
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.command_event import OrderAccepted, OrderRefused
from perpmaker.model.event import Event, OrderFilled, OrderReported, Resynced, StreamLost, StreamRestored
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderReport, OrderStatus, Side, Slot
from perpmaker.model.reading import AccountSeen
from perpmaker.plugins.observer import Activity
from perpmaker.runtime.stream_lines import StreamChange, StreamLines

REMEMBERED = 4_000
"""Executions whose repetition is recognised: streams and readings tell each more than once."""

UNANSWERED = 1_000
"""Closing orders that are remembered while the venue has not answered."""


@attrs.define(kw_only=True)
class ActivityLog:
    """Words executions of our orders once each, and closing orders once the venue has taken them.

    What has executed of an earlier run's orders by the first reading of the account is told as missed, not here. A
    closing order that is only placed again as it was is told of once a minute.
    """

    instrument: Instrument
    known: OrderIntents
    _told: OrderedDict[tuple[str, Side], None] = attrs.field(factory=OrderedDict, init=False)
    _is_read: bool = attrs.field(default=False, init=False)
    _streams: StreamLines = attrs.field(factory=StreamLines, init=False)
    _placed: dict[Slot, tuple[str, float]] = attrs.field(factory=dict, init=False)
    _sent: OrderedDict[str, NewOrder] = attrs.field(factory=OrderedDict, init=False)

    def activities(self, events: Sequence[Event], actions: Iterable[Action], now: float) -> Iterator[Activity]:
        """Yield what happened, in order; `actions` are being sent now."""
        changes: list[StreamChange] | None = None

        for event in events:
            if isinstance(event, (StreamLost, StreamRestored)):
                changes = [event] if changes is None else [*changes, event]
                continue

            if isinstance(event, OrderRefused):
                self._sent.pop(event.client_id, None)

            for client_id in _taken_in(event):
                yield from self._taken(client_id, now)

            yield from self._executed(event)

        if changes is not None:
            yield from self._changed(changes, now)

        for action in actions:
            if isinstance(action, Place) and action.order.slot.kind.is_exit and action.order.whole:
                self._sent[action.order.client_id] = action.order

                if len(self._sent) > UNANSWERED:
                    self._sent.popitem(last=False)

    def _changed(self, changes: Sequence[StreamChange], now: float) -> Iterator[Activity]:
        for is_lost, group in groupby(changes, lambda one: isinstance(one, StreamLost)):
            alike = list(group)
            facts = {"channels": tuple(dict.fromkeys(one.channel.value for one in alike))}

            for line in self._streams.lines(alike, now):
                yield Activity(kind="disconnect" if is_lost else "reconnect", text=line, facts=facts)

    def _executed(self, event: Event) -> Iterator[Activity]:
        if isinstance(event, OrderFilled):
            yield from self._filled(event.fill)
        elif isinstance(event, Resynced):
            for fill in event.fills:
                yield from self._filled(fill)

            self._is_read = True

    def _filled(self, fill: Fill) -> Iterator[Activity]:
        kind = self.known.kind(fill.client_id)
        key = (fill.trade_id, fill.side)

        if kind is None or key in self._told:
            return

        self._told[key] = None

        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

        if not self._is_read and self.known.kind_in_this_run(fill.client_id) is None:
            return

        verb = "bought" if fill.side is Side.BUY else "sold"
        won = fill.realized_pnl
        booked = "" if not won else f", {won:+z.4f} {self.instrument.quote}"

        what = f"{verb} {plain(fill.amount)} at {plain(fill.price)}{booked}, fee {plain(fill.fee)} {fill.fee_asset}"
        facts = _figures(fill, kind)

        yield Activity(kind="fill", text=f"{name_of(kind)}: {what}", facts=facts)

        if kind is OrderKind.VENUE_STOP:  # for who is called for stops only; a person has the line above
            yield Activity(kind="stop", text=f"STOP on the venue executed: {what}", facts=facts, is_told=False)

    def _taken(self, client_id: str, now: float) -> Iterator[Activity]:
        """The venue has the order: say so, where it is a closing order that was sent by this run."""
        order = self._sent.pop(client_id, None)

        if order is None:
            return

        where = "at market" if order.ticks is None else f"at {plain(self.instrument.price(order.ticks))}"
        amount = "all" if order.type.is_conditional else plain(self.instrument.amount(order.lots))
        text = f"{name_of(order.slot.kind)} placed: {order.side.value} {amount} {where}"
        before, at = self._placed.get(order.slot, ("", now))

        if text != before or now - at >= QUIET_S:
            self._placed[order.slot] = (text, now)
            facts = {
                "purpose": order.slot.kind.value,
                "side": order.side.value,
                "position_side": order.position_side.value,
                "price": None if order.ticks is None else self.instrument.price(order.ticks),
                "amount": self.instrument.amount(order.lots),
                "client_id": client_id,
            }
            yield Activity(kind="stop" if order.slot.kind is OrderKind.STOP_LOSS else "exit", text=text, facts=facts)


def _figures(fill: Fill, kind: OrderKind) -> dict[str, Any]:
    """The figures of an execution by name."""
    return {
        "purpose": kind.value,
        "side": fill.side.value,
        "position_side": fill.position_side.value,
        "price": fill.price,
        "amount": fill.amount,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "realized_pnl": fill.realized_pnl,
        "maker": fill.maker,
        "forced": fill.forced,
        "trade_id": fill.trade_id,
        "client_id": fill.client_id,
    }


def _taken_in(event: Event) -> Iterator[str]:
    """Client ids of the orders that the venue has, or had, by this event."""
    match event:
        case OrderFilled(fill=fill):
            yield fill.client_id
        case OrderAccepted(client_id=client_id):
            yield client_id
        case OrderReported(report=report):
            yield from _shown([report])
        case AccountSeen(orders=orders):
            yield from _shown(orders)
        case Resynced(orders=orders, finished=finished):
            yield from _shown((*orders, *finished))
        case _:
            pass


def _shown(reports: Iterable[OrderReport]) -> Iterator[str]:
    for report in reports:
        is_gone = report.status is OrderStatus.CANCELLED and not report.filled_lots

        if report.status is not None and report.status is not OrderStatus.REFUSED and not is_gone:
            yield report.client_id
