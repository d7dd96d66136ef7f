"""Which orders may still live, by the steps of the last run."""

from __future__ import annotations

from typing import Any, cast

import pytest

from perpmaker.journal.last_orders import UNDER_WAY_S, last_live


class Known:
    """Every order was meant as its id says."""

    def largest(self, client_id: str) -> str:
        """The id stands for the order."""
        return client_id


def step(at: float, *events: tuple[str, dict[str, Any]], sent: str = "") -> dict[str, Any]:
    """One step of the journal: what was told, and the order that was sent then."""
    actions = [("Place", {"order": {"client_id": sent}})] if sent else []

    return {"at": at, "events": list(events), "actions": actions}


def live(*steps: dict[str, Any]) -> list[str]:
    """Ids of the orders that may still live; steps are given oldest first."""
    return cast("list[str]", list(last_live(reversed(steps), cast("Any", Known()))))


@pytest.mark.parametrize("word", ["OrderCancelled", "OrderRefused"])
def test_an_order_that_has_ended_is_not_live(word: str) -> None:
    """Its end was told after it was sent; of another one nothing was told."""
    assert live(step(1.0, sent="1"), step(2.0, sent="2"), step(3.0, (word, {"client_id": "1"}))) == ["2"]


@pytest.mark.parametrize(("status", "found"), [("filled", []), ("open", ["1"])])
def test_an_order_whose_report_is_final_is_not_live(status: str, found: list[str]) -> None:
    """An order that is open by its report lives."""
    assert live(
        step(1.0, sent="1"), step(2.0, ("OrderReported", {"report": {"client_id": "1", "status": status}}))
    ) == (found)


def test_a_reading_lists_all_orders_but_those_that_were_under_way_when_it_began() -> None:
    """What it does not list and was sent long before it is gone; what was sent just before may have come after it."""
    read = ("Resynced", {"began_at": 100.0, "orders": [{"client_id": "listed"}]})
    steps = (step(100.0 - UNDER_WAY_S - 1, sent="old"), step(100.0 - UNDER_WAY_S + 1, sent="new"), step(101.0, read))

    assert live(*steps) == ["listed", "new"]
