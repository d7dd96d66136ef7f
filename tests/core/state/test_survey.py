"""What is kept of the orders is what one would find by looking again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.command_event import CancelRefused, Command, OrderAccepted, OrderRefused, OrderUnknown
from perpmaker.model.event import OrderCancelled
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.orders import Orders
from perpmaker.state.own_depth import OwnDepth
from perpmaker.state.survey import Survey

REFUSAL = Refusal(reason=RefusalReason.OTHER)
STEPS = ("place", "stop", "accept", "accept by stream", "cancel", "cancelled", "refused", "cancel refused", "unknown")


@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), max_size=30))
def test_what_is_kept_is_what_another_look_would_find(steps: list[tuple[str, int]]) -> None:
    """After every step, whether somebody has looked in between or not."""
    orders = Orders(OwnDepth(), fence_s=3.0)

    for number, (step, which) in enumerate(steps):
        live = list(orders.live)
        take(orders, step, live[which % len(live)] if live else "pm-none", now=float(number))

        if which:  # sometimes nobody looks before the next step
            seen, found = Survey(orders.live.values()), orders.outlook()
            assert (found.is_quoted, sorted(found.sent), found.asks) == (seen.is_quoted, sorted(seen.sent), seen.asks)
            assert (found.again, found.cuts, found.unshown) == (seen.again, seen.cuts, seen.unshown)
            assert found.others == seen.others

        if which > 2:
            seen, found = Survey(orders.live.values()), orders.survey()
            assert {name: getattr(found, name) for name in Survey.__slots__} == {
                name: getattr(seen, name) for name in Survey.__slots__
            }
            assert dict(orders.by_slot()) == seen.by_slot
            assert dict(orders.endings.ended) == orders.endings.by_slot


def take(orders: Orders, step: str, client_id: str, *, now: float) -> None:
    """One step of an order's life, as far as it can be taken."""
    if step in {"place", "stop"}:
        kind = OrderKind.QUOTE if step == "place" else OrderKind.STOP_LOSS
        side = Side.BUY if int(now) % 2 else Side.SELL
        type_ = OrderType.POST_ONLY if step == "place" else OrderType.LIMIT
        name = f"pm-{now:.0f}"
        orders.place(NewOrder(client_id=name, slot=Slot(kind, side), lots=5, ticks=100 - int(now), type=type_), now)
    elif step.startswith("accept"):
        by_stream = step.endswith("stream")
        orders.accepted(OrderAccepted(client_id=client_id, venue_id="7", venue_ms=1, by_stream=by_stream), now)
    elif step == "cancel" and client_id in orders.live:
        orders.cancel(client_id, now)
    elif step == "cancelled":
        cause = CancelCause.REQUESTED
        orders.cancelled(OrderCancelled(client_id=client_id, cause=cause, filled_lots=0, venue_ms=2), now)
    elif step == "refused":
        orders.refused(OrderRefused(client_id=client_id, refusal=REFUSAL), now)
    elif step == "cancel refused":
        orders.cancel_refused(CancelRefused(client_id=client_id, refusal=REFUSAL), now)
    elif step == "unknown":
        orders.unknown(OrderUnknown(client_id=client_id, command=Command.PLACE, detail="", fence_at=now + 3), now)
