"""What happened to the money, in lines that a person can follow: each execution, each closing order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

import attrs

from perpmaker.engine.known_orders import KnownOrders
from perpmaker.engine.notice import QUIET_S, plain
from perpmaker.execution.action import Action, Place
from perpmaker.model.event import Event, OrderFilled, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderType, Side, Slot

REMEMBERED = 10_000
"""Executions whose repetition is recognised: streams and readings tell each more than once."""


@attrs.define(kw_only=True)
class Diary:
    """Words executions of our orders once each, and closing orders as they go out.

    What has executed of an earlier run's orders by the first reading of the account is told as missed, not here. A
    closing order that is only sent again, because the venue refused it, is told of once a minute.
    """

    instrument: Instrument
    known: KnownOrders
    _told: OrderedDict[tuple[str, Side], None] = attrs.field(factory=OrderedDict, init=False)
    _is_read: bool = attrs.field(default=False, init=False)
    _placed: dict[Slot, tuple[str, float]] = attrs.field(factory=dict, init=False)

    def lines(self, events: Sequence[Event], actions: Iterable[Action], now: float) -> Iterator[str]:
        """Yield what happened and what is being sent, in order."""
        for event in events:
            if isinstance(event, OrderFilled):
                yield from self._filled(event.fill)
            elif isinstance(event, Resynced):
                for fill in event.fills:
                    yield from self._filled(fill)

                self._is_read = True

        for action in actions:
            if isinstance(action, Place) and action.order.slot.kind.is_exit:
                yield from self._sent(action.order, now)

    def _filled(self, fill: Fill) -> Iterator[str]:
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

        yield (
            f"{_name(kind)}: {verb} {plain(fill.amount)} at {plain(fill.price)}{booked}, "
            f"fee {plain(fill.fee)} {fill.fee_asset}"
        )

    def _sent(self, order: NewOrder, now: float) -> Iterator[str]:
        where = "at market" if order.ticks is None else f"at {plain(self.instrument.price(order.ticks))}"
        amount = "all" if order.type is OrderType.VENUE_STOP else plain(self.instrument.amount(order.lots))
        text = f"{_name(order.slot.kind)} placed: {order.side.value} {amount} {where}"
        before, at = self._placed.get(order.slot, ("", now))

        if text != before or now - at >= QUIET_S:
            self._placed[order.slot] = (text, now)
            yield text


def _name(kind: OrderKind) -> str:
    """What it is called in a line; a loss is not to be overlooked."""
    return kind.words.upper() if kind is OrderKind.STOP_LOSS else kind.words
