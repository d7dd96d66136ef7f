"""What the sockets under the account's listenKey hear, in the order in which it happened."""

from __future__ import annotations

from collections import deque
from random import Random

import attrs

from perpmaker.simulation.event import (
    AccountChanged,
    ConditionalChanged,
    OrderChanged,
    SettingsChanged,
    SimulationEvent,
)
from perpmaker.simulation.order import Cause, ConditionalOrder, ConditionalState, OrderState
from perpmaker_binance_perpetual.sandbox.hub import Hub
from perpmaker_binance_perpetual.sandbox.order_wording import algo_status_word, origin
from perpmaker_binance_perpetual.sandbox.user_wording import (
    account_update,
    algo_update,
    leverage_update,
    listen_key_expired,
    multi_assets_update,
    order_trade_update,
    trade_lite,
)
from perpmaker_binance_perpetual.sandbox.venue import Venue


class UserStream:
    """Turns what happens to the account into user events.

    With `race_ms` each event may be held back, none overtakes another; so that a fill is heard of before or after
    the answer to its order, as chance will have it.
    """

    def __init__(self, venue: Venue, hub: Hub, chance: Random) -> None:
        self._venue = venue
        self._hub = hub
        self._chance = chance
        self._held: deque[tuple[int, dict[str, object]]] = deque()
        self._leverage: int | None = None
        self._has_multi_assets = venue.has_multi_assets
        self._triggered: dict[int, ConditionalOrder] = {}
        venue.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Send what was held back long enough, and say so when the key has expired."""
        if self._has_multi_assets is not self._venue.has_multi_assets:
            self._has_multi_assets = self._venue.has_multi_assets
            self._push(multi_assets_update(now_ms, self._venue))

        while self._held and self._held[0][0] <= now_ms:
            self._send(self._held.popleft()[1])

        expired = self._venue.listen_keys.expire()

        if expired is not None:
            self._hub.publish_user(expired, listen_key_expired(expired, self._venue))

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, OrderChanged | ConditionalChanged | AccountChanged):
            if event.account == self._venue.account:
                self._note_own(event)
        elif isinstance(event, SettingsChanged) and event.account == self._venue.account:
            self._note_settings(event)

    def _note_own(self, event: OrderChanged | ConditionalChanged | AccountChanged) -> None:
        if isinstance(event, AccountChanged):
            self._push(account_update(event, self._venue))
        elif isinstance(event, ConditionalChanged):
            self._note_conditional(event)
        else:
            self._note_order(event)

    def _note_order(self, event: OrderChanged) -> None:
        source = origin(event.order, self._venue)

        if source is not None and event.cause is Cause.ACCEPTED:
            # Nothing is told of the order that it becomes before TRIGGERED, which comes after the first fills.
            self._push(algo_update(attrs.evolve(source, order_id=None), "TRIGGERING", event.now_ms, self._venue))

        if event.execution is not None and self._venue.options.trade_lite:
            self._push(trade_lite(event.order, event.execution, self._venue))

        self._push(order_trade_update(event, self._venue))

        if event.order.order_id in self._triggered and event.order.state is not OrderState.OPEN:
            self._finish(event.order.order_id, event.now_ms)

    def _note_conditional(self, event: ConditionalChanged) -> None:
        """Tell of a conditional order; one that triggered is finished once the order that it became is final."""
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

    def _push(self, data: dict[str, object]) -> None:
        delay_ms = self._chance.randint(0, self._venue.options.race_ms)

        if delay_ms == 0 and not self._held:
            self._send(data)
            return

        latest_ms = self._held[-1][0] if self._held else 0
        self._held.append((max(latest_ms, self._venue.now_ms() + delay_ms), data))

    def _send(self, data: dict[str, object]) -> None:
        listen_key = self._venue.listen_keys.active

        if listen_key is not None:
            self._hub.publish_user(listen_key, data)
