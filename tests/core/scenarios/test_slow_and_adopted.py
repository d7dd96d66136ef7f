"""A plugin that keeps the processor, and a start that takes over what it finds: what reaches the venue, and when."""

from __future__ import annotations

import pytest

from perpmaker.model.order import OrderKind
from perpmaker.simulation.rejection import RejectionError
from perpmaker.testing.scenario import Scenario

EXITS = {"long_profit_taking_spread": 1, "stop_loss_spread": 3}


@pytest.fixture
def scenario() -> Scenario:
    """A calm market around 100, and a long of 1 with its exits."""
    held = Scenario(EXITS)
    held.book(bid="99.9", ask="100.1")
    held.advance(1)
    held.fill("buy 0")
    held.advance(1)

    return held


def test_nothing_is_heard_or_sent_while_a_plugin_has_the_processor(scenario: Scenario) -> None:
    """What was decided before goes out when the plugin is through, and so do the stop's orders that came due."""
    scenario.stall(0.8)
    scenario.book(bid="99", ask="99.2")
    scenario.book(bid="96.9", ask="97.1")
    scenario.advance(0.7)
    assert scenario.sent(since=2) == []

    scenario.advance(0.3)
    assert scenario.sent(since=2)[0] == (2.8, "cancel take profit")
    assert scenario.position() == "flat"


def test_quotes_of_a_slow_decision_are_not_sent() -> None:
    """What they were priced from is as old; the next decision quotes."""
    scenario = Scenario()
    scenario.advance(0.1)
    scenario.stall(1.5)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1.4)
    scenario.book(bid="101.9", ask="102.1")
    scenario.advance(3)

    assert scenario.quotes() == ["buy 1 at 101.89", "sell 1 at 102.11"]
    assert scenario.fills() == []


def test_a_stall_ends_with_its_process(scenario: Scenario) -> None:
    """What the dead process had decided is not sent by the next one."""
    scenario.stall(4)
    scenario.book(bid="96.9", ask="97.1")
    scenario.advance(1)
    scenario.restart()
    scenario.advance(2)

    assert scenario.position() == "flat"


def test_a_start_without_a_journal_takes_over_what_is_there(scenario: Scenario) -> None:
    """Orders that nobody knows are replaced; but for the stop on the venue, which shows itself what it is for."""
    before = {order.client_id for order in scenario.orders() if order.kind is not OrderKind.VENUE_STOP}
    scenario.restart(remembers=False)
    scenario.advance(2)

    assert scenario.exits() == ["venue stop: sell 1 at 96.15", "take profit: sell 1 at 100.9"]
    assert before.isdisjoint(order.client_id for order in scenario.orders())
    assert sum(
        "of an earlier run or of another running bot is live: cancelled" in notice for notice in scenario.notices
    ) == len(before)


def test_a_start_that_the_account_refuses_changes_nothing() -> None:
    """The process that runs goes on, with what it was told meanwhile."""
    scenario = Scenario({**EXITS, "position_mode": "Hedge"})
    scenario.book(bid="99.9", ask="100.1")
    scenario.set_by_hand(position_mode="One-way")
    scenario.by_hand("buy", "1", at="100")

    with pytest.raises(RejectionError):
        scenario.restart()

    scenario.advance(40)
    assert scenario.mode.startswith("reduce: the settings of the account were changed")
