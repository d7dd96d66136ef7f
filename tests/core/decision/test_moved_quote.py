"""A quote that the venue has moved to another price, as some do at the edge of their price band."""

from __future__ import annotations

import attrs

from perpmaker.execution.action import Cancel
from perpmaker.model.event import OrderReported
from perpmaker.model.order import OrderStatus
from perpmaker.testing.scene import Scene, of, placed


def moved(scene: Scene, seq: str, ticks: int) -> OrderReported:
    """The private stream shows an order of ours at this price."""
    report = scene.order_report(f"pm-bot-r1-{seq}", OrderStatus.OPEN)

    return OrderReported(report=attrs.evolve(report, ticks=ticks), by_stream=True)


def test_a_moved_quote_goes_in_that_step_and_is_told() -> None:
    """It rests where nobody has asked for it: it is taken off at once, and placed again when it is gone."""
    scene = Scene(amends=True).quoting()
    decision = scene.tell(moved(scene, "1", 985), after=0.1)
    (gone,) = of(decision.actions, Cancel)
    assert gone.client_id == "pm-bot-r1-1"
    assert any("another price than was sent" in line for line in decision.notices)
    again = scene.tell(scene.cancelled("1"), after=0.1)
    assert len(placed(again.actions)) == 1


def test_a_quote_that_is_moved_again_and_again_waits_longer_each_time() -> None:
    """No storm of orders that the venue moves: the second one waits for a second."""
    scene = Scene(amends=True).quoting()
    scene.tell(moved(scene, "1", 985), after=0.1)
    scene.tell(scene.cancelled("1"), after=0.1)
    scene.tell(scene.accepted("3"), after=0.1)
    scene.tell(moved(scene, "3", 985), after=0.1)
    held = scene.tell(scene.cancelled("3"), after=0.1)
    assert placed(held.actions) == []
    assert len(placed(scene.wait(1.0))) == 1


def test_a_quote_at_its_price_stays() -> None:
    """Whatever else the venue tells of it."""
    scene = Scene(amends=True).quoting()
    decision = scene.tell(moved(scene, "1", 990), after=0.1)
    assert decision.actions == ()
