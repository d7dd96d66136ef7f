"""Fills of an earlier run's orders that no process has watched: the pauses that they start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from perpmaker.model.event import Resynced
from perpmaker.model.order import Fill, NewOrder, OrderKind
from perpmaker.state.state import State

_STOPS = frozenset({OrderKind.STOP_LOSS, OrderKind.VENUE_STOP})


def note_earlier_fills(event: Resynced, state: State, intent: Callable[[str], NewOrder | None], now: float) -> None:
    """Let complete fills of quotes, and stops that closed a position, count from the time at which they happened.

    `intent` is what an order of any run was meant for. Orders that this run knows are counted where they end.
    """
    orders, filled = state.orders, Counter[str]()

    for fill in event.fills:
        order = intent(fill.client_id)

        if order is None or fill.client_id in orders.live or fill.client_id in orders.finished:
            continue

        filled[fill.client_id] += state.instrument.lots_down(fill.amount)
        at = _happened_at(fill, event, now)

        if order.slot.kind is OrderKind.QUOTE and filled[fill.client_id] >= order.lots:
            side, known = order.slot.side, orders.endings.quote_filled_at

            if at > known.get(side, float("-inf")):
                known[side] = at
                orders.endings.last_own_trade = order.ticks
                orders.endings.change()
                orders.version += 1
        elif order.slot.kind in _STOPS and not _is_held(event, fill):
            side_closed = state.stop_closed_at
            side_closed[fill.position_side] = max(at, side_closed.get(fill.position_side, at))


def _happened_at(fill: Fill, event: Resynced, now: float) -> float:
    """When a fill happened, on the engine's clock."""
    age_s = ((event.asked_ms or event.venue_ms) - fill.venue_ms) / 1000

    return min(now, event.began_at - max(age_s, 0.0))


def _is_held(event: Resynced, fill: Fill) -> bool:
    """Whether the reading still shows the position that a fill was of."""
    return any(position.amount and position.side is fill.position_side for position in event.account.positions)
