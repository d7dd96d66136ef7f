"""What the sockets under the account's listenKey hear.

An execution is reported as TRADE_LITE, then as what it did to the account, then as ORDER_TRADE_UPDATE: the order of
five public captures of 2021 to 2026. The exchange itself reports the order before the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from perpmaker.simulation.event import (
    AccountChanged,
    ConditionalChanged,
    OrderChanged,
    SettingsChanged,
    SimulationEvent,
)
from perpmaker.simulation.order import Cause, ConditionalOrder, ConditionalState, OrderState
from perpmaker.venue.sandbox import HeldEvents
from perpmaker_binance_perpetual.sandbox.order_words import algo_status_word, origin
from perpmaker_binance_perpetual.sandbox.user_events import (
    account_update,
    algo_update,
    leverage_update,
    listen_key_expired,
    multi_assets_update,
    order_trade_update,
    trade_lite,
)
from perpmaker_binance_perpetual.sandbox.venue import Venue

_OWN: Final = (OrderChanged, ConditionalChanged, AccountChanged, SettingsChanged)


class UserStream:
    """Turns what happens to the account into user events.

    Events may be held back: a fill comes before or after the answer to its order, and before or after the account.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        parts = venue.parts
        self._held = HeldEvents(self._send, parts.chance, parts.options.race_ms, venue.now_ms)
        self._fill: OrderChanged | None = None
        self._leverage: int | None = None
        self._has_multi_assets = venue.has_multi_assets
        self._triggered: dict[int, ConditionalOrder] = {}
        venue.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Send what was held back long enough, and say so when the key has expired."""
        if self._has_multi_assets is not self._venue.has_multi_assets:
            self._has_multi_assets = self._venue.has_multi_assets
            self._push(multi_assets_update(now_ms, self._venue))

        self._held.tick(now_ms)
        expired = self._venue.listen_keys.expire()

        if expired is not None:
            event = listen_key_expired(expired, self._venue)
            self._venue.parts.hub.publish_own(expired, str(event["e"]), event)

    def _note(self, event: SimulationEvent) -> None:
        if not isinstance(event, _OWN) or event.account != self._venue.account:
            return

        match event:
            case AccountChanged():
                self._push(account_update(event, self._venue))
                self._report_fill()
            case ConditionalChanged():
                self._report_fill()
                self._note_conditional(event)
            case OrderChanged():
                self._report_fill()
                self._note_order(event)
            case SettingsChanged():
                self._note_settings(event)

    def _report_fill(self) -> None:
        """Report the execution that waited for the account's report."""
        if self._fill is not None:
            filled, self._fill = self._fill, None
            self._report_order(filled)

    def _note_order(self, event: OrderChanged) -> None:
        """Report an order; an execution only after the account."""
        source = origin(event.order, self._venue)

        if source is not None and event.cause is Cause.ACCEPTED:
            # Nothing is reported of the order that it becomes before TRIGGERED, which comes after the first fills.
            self._push(algo_update(attrs.evolve(source, order_id=None), "TRIGGERING", event.now_ms, self._venue))

        if event.execution is None:
            self._report_order(event)
            return

        if self._venue.options.trade_lite and not event.order.forced:
            self._push(trade_lite(event.order, event.execution, self._venue))

        self._fill = event

    def _report_order(self, event: OrderChanged) -> None:
        self._push(order_trade_update(event, self._venue))

        if event.order.order_id in self._triggered and event.order.state is not OrderState.OPEN:
            self._finish(event.order.order_id, event.now_ms)

    def _note_conditional(self, event: ConditionalChanged) -> None:
        """Report a conditional order; one that triggered is finished once the order that it became is final."""
        order = event.order

        if order.state is not ConditionalState.TRIGGERED or order.order_id is None:
            self._push(algo_update(order, algo_status_word(order, self._venue), event.now_ms, self._venue))
            return

        self._push(algo_update(order, "TRIGGERED", event.now_ms, self._venue))
        self._triggered[order.order_id] = order

        if algo_status_word(order, self._venue) == "FINISHED":
            self._finish(order.order_id, event.now_ms)

    def _finish(self, order_id: int, now_ms: int) -> None:
        self._push(algo_update(self._triggered.pop(order_id), "FINISHED", now_ms, self._venue))

    def _note_settings(self, event: SettingsChanged) -> None:
        if event.state.leverage != self._leverage:
            self._push(leverage_update(event.state.leverage, event.now_ms, self._venue))
            self._leverage = event.state.leverage

    def _push(self, data: Mapping[str, object]) -> None:
        self._held.put(str(data["e"]), data)

    def _send(self, kind: str, data: Mapping[str, object]) -> None:
        listen_key = self._venue.listen_keys.active

        if listen_key is not None:
            self._venue.parts.hub.publish_own(listen_key, kind, data)
