"""What the private socket hears: orders, executions, positions, the wallet.

The venue promises no order among its topics: they may overtake each other, but two messages of one topic never do.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from perpmaker import PositionSide
from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox.account_rows import position_row, wallet_row
from perpmaker_bybit_perpetual.sandbox.gateway_orders import GatewayOrder
from perpmaker_bybit_perpetual.sandbox.order_rows import (
    Shown,
    execution_row,
    funding_row,
    order_row,
    shown_at_all,
    shown_conditional,
    shown_order,
)
from perpmaker_bybit_perpetual.sandbox.position_stops import PositionStops
from perpmaker_bybit_perpetual.sandbox.venue import CATEGORY, Row, Venue


class PrivateStream:
    """Turns what happens to the account into messages."""

    def __init__(self, venue: Venue, stops: PositionStops) -> None:
        self._venue = venue
        self._stops = stops
        parts = venue.parts
        self._held = kit.HeldEvents(self._send, parts.chance, parts.options.race_ms, venue.now_ms)
        self._wallet: Row = {}
        self._triggered: set[int] = set()
        self._number = 0
        self.tick = self._held.tick
        venue.orders.on_changed = self._tell_order_again
        venue.exchange.subscribe(self._note)

    def _note(self, event: kit.SimulationEvent) -> None:
        own = self._venue.account

        match event:
            case kit.OrderChanged(account=account) if account == own:
                self._note_order(event)
            case kit.ConditionalChanged(account=account) if account == own:
                self._note_conditional(event)
            case kit.AccountChanged(account=account) if account == own:
                self._note_account(event.state, event.sides)
            case kit.SettingsChanged(account=account) if account == own:
                self._note_account(event.state, tuple(one.side for one in event.state.positions))
            case kit.FundingSettled(account=account) if account == own:
                one = self._venue.fills.fundings(event.now_ms)[-1]
                self._push("execution", funding_row(one, self._venue))

    def _note_order(self, event: kit.OrderChanged) -> None:
        """Report an order, and before it the condition that has become it; a market order is told of when it traded."""
        venue, order = self._venue, event.order
        known = venue.orders.of_order(order)
        is_new = event.cause is kit.Cause.ACCEPTED
        ending = event.cause if order.state in {kit.OrderState.CANCELLED, kit.OrderState.EXPIRED} else None
        shown = shown_order(order, ending, venue)

        if is_new and order.conditional_id is not None:
            self._push_order(known, attrs.evolve(shown, status="Triggered"))

        if event.execution is not None:
            self._push("execution", execution_row(event.execution, known, venue))

        if not is_new or order.ticks is not None:
            self._push_order(known, shown)

        if event.execution is None and order.ticks is not None:
            self._push_position(venue.exchange.account(venue.account), order.position_side)

    def _note_conditional(self, event: kit.ConditionalChanged) -> None:
        """Report a condition; what it became has been reported, and a stop that was changed has not ended."""
        known = self._venue.orders.of_conditional(event.order)
        is_last = known.conditional_ids[-1] == event.order.conditional_id

        if event.order.state is not kit.ConditionalState.TRIGGERED and is_last:
            self._push_order(known, shown_conditional(event.order, known))
            self._push_position(self._venue.exchange.account(event.account), event.order.position_side)

    def _note_account(self, state: kit.AccountState, sides: tuple[PositionSide, ...]) -> None:
        for side in sides:
            self._push_position(state, side)

        wallet = wallet_row(state)
        balances = {"wallet": state.wallet, "others": [other.wallet for other in state.others]}

        if balances != self._wallet:
            self._wallet = balances
            self._push("wallet", wallet)

    def _tell_order_again(self, known: GatewayOrder, *, cancel_type: str = "", reason: str = "") -> None:
        """Report an order of which no event of the exchange tells."""
        shown = shown_at_all(known, self._venue, live=True)

        if shown is not None:
            shown = attrs.evolve(shown, cancel_type=cancel_type or shown.cancel_type, reason=reason or shown.reason)
            self._push_order(known, shown)

    def _push_order(self, known: GatewayOrder, shown: Shown) -> None:
        self._push("order", order_row(known, shown, self._venue))

    def _push_position(self, state: kit.AccountState, side: PositionSide) -> None:
        venue = self._venue
        position = next((one for one in state.positions if one.side is side), None)

        if position is not None:
            number = venue.fills.sequence_at(side, venue.exchange.now_ms)
            row = position_row(position, state, self._stops.level(side), number, venue)
            entry = row.pop("avgPrice")  # it has another name here
            self._push("position", {**row, "entryPrice": entry, "category": CATEGORY})

    def _push(self, topic: str, row: Row) -> None:
        self._held.put(topic, row)

    def _send(self, topic: str, row: Mapping[str, object]) -> None:
        venue = self._venue
        self._number += 1
        message = {
            "id": f"{venue.instrument.symbol}_{self._number}",
            "creationTime": venue.server_ms(),
            "data": [row],
        }
        venue.parts.hub.publish_own(topic, topic, message)
