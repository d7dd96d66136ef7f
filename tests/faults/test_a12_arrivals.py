"""An order that a dead run had sent arrives behind the reading of the next one: no level is live twice for that."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from perpmaker.journal.last_orders import arriving_until
from perpmaker.testing.scenario import Scenario

FENCE_S = 3.0
SIDES = pytest.mark.parametrize("side", ["buy", "sell"])


def killed_while_placing(side: str, dead_s: float, **settings: Any) -> Scenario:
    """A run that dies while its first quote of a side is under way for 1.8 s."""
    scenario = Scenario({"order_refresh_time": 300, **settings})
    scenario.delay(f"place {side}", requests=1.8)
    scenario.advance(0.5)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.3)
    scenario.heal()
    scenario.stall(1000)
    scenario.book(bid="99.91", ask="100.1")
    scenario.advance(dead_s)
    scenario.restart()

    return scenario


@pytest.mark.each_value
@SIDES
@pytest.mark.parametrize("dead_s", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("settings", [{}, {"position_mode": "Hedge"}, {"order_levels": 3}], ids=str)
def test_a12_no_level_is_live_twice_behind_a_kill(side: str, dead_s: float, settings: dict[str, Any]) -> None:
    """The next run quotes when nothing can arrive any more, and has taken over what did."""
    scenario = killed_while_placing(side, dead_s, **settings)

    for _ in range(100):
        scenario.advance(0.05)
        live = Counter(order.name for order in scenario.orders())
        assert max(live.values(), default=0) <= 1

    levels = int(settings.get("order_levels", 1))
    assert len(scenario.quotes()) == 2 * levels


def test_a12_exits_do_not_wait_for_arrivals() -> None:
    """A position that is found has its exits at once."""
    scenario = killed_while_placing("buy", 0.3, stop_loss_spread=3)
    scenario.by_hand("sell", 1, at="100")
    scenario.advance(0.2)

    assert {exit_.partition(":")[0] for exit_ in scenario.exits()} == {"take profit", "venue stop"}
    assert (
        scenario.mode == "reduce: the account is being read again: orders that an earlier run had sent may still arrive"
    )


def test_a12_a_restart_with_nothing_under_way_quotes_at_once() -> None:
    """Nothing to wait for: what rests stays, in its place of the queue."""
    scenario = Scenario({"order_refresh_time": 300})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    before = [order.client_id for order in scenario.orders()]
    scenario.restart()
    scenario.advance(0.1)

    assert scenario.mode == "run"
    assert [order.client_id for order in scenario.orders()] == before


@SIDES
def test_a12_an_amend_that_a_dead_run_had_sent_is_waited_for_as_well(side: str) -> None:
    """The next run quotes when it can not be made any more, from where the order rests then."""
    scenario = Scenario({"order_refresh_time": 5}, amends=True)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(4)
    scenario.delay(f"amend {side}", requests=1.8)
    scenario.book(bid="99.85", ask="100.05")
    scenario.advance(1.2)
    scenario.heal()
    scenario.restart()

    for _ in range(100):
        scenario.advance(0.05)
        live = Counter(order.name for order in scenario.orders())
        assert max(live.values(), default=0) <= 1

    assert not scenario.sent("place", "amend", since=5.1)[:1] or scenario.sent("place", "amend", since=5.1)[0].at >= 8
    assert len(scenario.quotes()) == 2
    believed = {order.client_id: order.order.ticks for order in scenario._trader.working()}
    assert believed == {order.client_id: int(order.price * 100) for order in scenario.orders()}


def step(
    utc_ms: int,
    *,
    placed: tuple[str, ...] = (),
    amended: tuple[str, ...] = (),
    events: tuple[tuple[str, Any], ...] = (),
) -> dict[str, Any]:
    """A step as the journal gives it back; its amends are the second ones."""
    actions: list[tuple[str, Any]] = [("Place", {"order": {"client_id": name}}) for name in placed]
    actions += [("Amend", {"order": {"client_id": name}, "number": 2}) for name in amended]

    return {"utc_ms": utc_ms, "at": utc_ms / 1000, "actions": actions, "events": list(events)}


GATEWAYS = {"client_id": "a", "by_gateway": True}
"""What a gateway has taken need not be in the venue's lists yet."""


def test_a12_the_journal_tells_until_when_an_order_may_arrive() -> None:
    """The newest order that nothing has been heard of, and the connector's fence after it."""
    for steps, until in [
        ([], None),
        ([step(10_000, placed=("a",))], 13.0),
        ([step(10_010, events=(("OrderAccepted", {"client_id": "a"}),)), step(10_000, placed=("a",))], None),
        ([step(10_010, events=(("OrderAccepted", GATEWAYS),)), step(10_000, placed=("a",))], 13.0),
        ([step(10_010, events=(("OrderFilled", {"fill": {"client_id": "a"}}),)), step(10_000, placed=("a",))], None),
        ([step(10_010, events=(("OrderUnknown", {"client_id": "a"}),)), step(10_000, placed=("a",))], 13.0),
        ([step(10_010, events=(("OrderRefused", {"client_id": "a"}),)), step(10_000, placed=("a", "b"))], 13.0),
        ([step(10_010, events=(("Resynced", {"orders": [{"client_id": "a"}]}),)), step(10_000, placed=("a",))], None),
        ([step(10_010, events=(("OrderAccepted", {"client_id": "b"}),)), step(7_000, placed=("a",))], None),
        ([step(10_010, placed=("b",)), step(10_000, placed=("a",))], 13.01),
    ]:
        assert arriving_until(steps, FENCE_S) == until


OVER = {"report": {"client_id": "a", "status": "filled"}}


def test_a12_the_journal_tells_until_when_an_amend_may_arrive() -> None:
    """That the venue has the order is no word on its amend; that it is over is."""
    for events, until in [
        ((), 13.0),
        ((("OrderAmended", {"client_id": "a", "number": 2}),), None),
        ((("OrderAmended", {"client_id": "a", "number": 1}),), 13.0),
        ((("OrderAmended", {"client_id": "a"}),), 13.0),
        ((("AmendRefused", {"client_id": "a", "number": 2}),), None),
        ((("OrderUnknown", {"client_id": "a"}),), 13.0),
        ((("OrderCancelled", {"client_id": "a"}),), None),
        ((("OrderReported", OVER),), None),
        ((("OrderFilled", {"fill": {"client_id": "a"}}),), 13.0),
        ((("Resynced", {"orders": [{"client_id": "a"}]}),), 13.0),
    ]:
        steps = [step(10_010, events=events), step(10_000, amended=("a",)), step(9_990, placed=("a",))]
        known = [step(9_995, events=(("OrderAccepted", {"client_id": "a"}),))]

        assert arriving_until([*steps[:2], *known, steps[2]], FENCE_S) == until
