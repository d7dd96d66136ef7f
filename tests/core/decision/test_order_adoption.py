"""Orders of earlier runs, taken over as they show."""

from __future__ import annotations

import attrs

from perpmaker.model.event import OrderCancelled
from perpmaker.model.order import CancelCause, OrderStatus, OrderType
from perpmaker.testing.scene import Scene


def test_an_order_whose_amount_nobody_tells_is_not_filled_by_being_cancelled() -> None:
    """It is of one lot at least: none of it was executed, and its end is that of an order that was taken off."""
    for kind, lots in [(OrderType.POST_ONLY, None), (OrderType.VENUE_STOP, None), (OrderType.VENUE_STOP, 0)]:
        scene = Scene()
        left = attrs.evolve(scene.order_report("pm-bot-r0-7", OrderStatus.OPEN), type=kind, lots=lots)
        scene.start(orders=(left,))
        scene.ms += 1
        gone = OrderCancelled(client_id=left.client_id, cause=CancelCause.REQUESTED, filled_lots=0, venue_ms=scene.ms)
        scene.tell(gone, after=0.1)

        assert scene.trader.state.orders.finished[left.client_id].working.status is OrderStatus.CANCELLED
