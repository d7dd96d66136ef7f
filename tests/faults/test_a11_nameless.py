"""A11: a close of ours whose answer was lost, and of which the venue tells no name, is in the result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.execution.action import Place
from perpmaker.model.command_event import Command, OrderNotFound, OrderUnknown
from perpmaker.model.event import StopRequested
from perpmaker.model.order import Fill, OrderKind, Side
from perpmaker.testing.scene import Scene, of

CLOSED: dict[str, Any] = {"client_id": "", "venue_id": "4711", "realized_pnl": Decimal(-2), "filled_lots": None}


def closing() -> tuple[Scene, str]:
    """A long of five lots that a person wants closed: the close has no answer. Scene, and the close's client id."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(StopRequested(close=True))
    orders = tuple(scene.trader.state.orders.live.values())
    resting = [one.working.client_id for one in orders if one.working.slot.kind is not OrderKind.CLOSE]
    scene.tell(*(scene.cancelled(client_id.rsplit("-", 1)[-1]) for client_id in resting))
    scene.wait(1.5)
    (close,) = [
        one.order.client_id
        for decision in scene.decisions
        for one in of(decision.actions, Place)
        if one.order.slot.kind is OrderKind.CLOSE
    ][:1]
    scene.tell(OrderUnknown(client_id=close, command=Command.PLACE, detail="no answer", fence_at=scene.now + 1))

    return scene, close


def nameless(scene: Scene, lots: int = 5, side: Side = Side.SELL, **changes: Any) -> Fill:
    """An execution as the history tells it, without a name."""
    return attrs.evolve(scene.fill("x", lots, lots, side).fill, **{**CLOSED, **changes})


@pytest.mark.parametrize("denied", [False, True])
def test_A11_a_close_that_the_venue_tells_no_name_of_is_ours(*, denied: bool) -> None:
    """While its outcome is unknown, and after the venue said not to know it; told twice, it is booked once."""
    scene, close = closing()

    if denied:
        scene.tell(OrderNotFound(client_id=close, asked_at=scene.now + 2), after=2.5)
        assert close not in scene.trader.state.orders.live

    fill = nameless(scene)
    before = scene.trader.state.account.totals.fees["USDT"]
    events = scene.trader.named([scene.resynced(fills=(fill,))])
    assert [one.client_id for event in events for one in event.fills] == [close]  # type: ignore[attr-defined]
    told = scene.tell(*events)
    scene.tell(scene.resynced(fills=(fill,)), after=1)
    totals = scene.trader.state.account.totals
    assert (totals.realized_pnl, totals.fees["USDT"] - before, scene.amount) == (Decimal(-2), Decimal("0.01"), 0)
    assert not any("by hand" in line for line in told.notices)


def test_A11_what_is_not_that_close_is_not_taken_for_it() -> None:
    """Another amount, side or time, a name, or the venue's own doing."""
    for other in [
        {"lots": 4},
        {"side": Side.BUY},
        {"client_id": "web_1"},
        {"venue_ms": -60_000},
        {"forced": "liquidation"},
    ]:
        scene, close = closing()
        events = scene.trader.named([scene.resynced(fills=(nameless(scene, **other),))])
        assert [one.client_id for event in events for one in event.fills] != [close]  # type: ignore[attr-defined]


def test_A11_without_a_close_of_unknown_outcome_a_nameless_fill_is_somebody_elses() -> None:
    """A quote that may rest is never guessed at."""
    scene = Scene().quoting()
    scene.tell(scene.unknown("2"))
    fill = nameless(scene)
    event = scene.resynced(amount="-0.005", fills=(fill,))
    assert scene.trader.named([event]) == (event,)
    assert any("traded by hand" in line for line in scene.tell(event).notices)
