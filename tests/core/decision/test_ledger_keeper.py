"""The trader keeps the ledger: entries come with the decision, and young fills are followed."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import TypeVar

from perpmaker.ledger.entries import AccountEntry, FillEntry, LedgerEntry, MarkoutEntry
from perpmaker.model.order import OrderKind
from perpmaker.testing.scenario import Scenario

Entry = TypeVar("Entry", bound=LedgerEntry)


def booked(scenario: Scenario, kind: type[Entry]) -> list[Entry]:
    """What was booked of a kind, oldest first."""
    return [entry for entry in scenario._booked if isinstance(entry, kind)]


def test_a_fill_is_booked_once_with_the_middle_of_other_peoples_book() -> None:
    """What its order was for, and that it is ours; a reading tells it again."""
    scenario = Scenario({"long_profit_taking_spread": 1})
    scenario.book(bid="99.8", ask="100.2")
    scenario.advance(1)
    scenario.fill("buy 0", "0.4")
    scenario.advance(40)
    (fill,) = booked(scenario, FillEntry)
    assert (fill.what, fill.ours, fill.amount, fill.mid) == (OrderKind.QUOTE, True, Decimal("0.4"), Decimal(100))
    assert fill.spread == Decimal("0.4") * (100 - fill.price)


def test_nothing_is_waited_for_while_no_fill_is_young() -> None:
    """A markout is a wake of its own, one and ten and sixty seconds after a fill, and no longer."""
    scenario = Scenario({"long_profit_taking_spread": 1})
    scenario.book(bid="99.8", ask="100.2")
    scenario.advance(1)
    keeper = scenario._trader.keeper
    assert keeper.next_at == inf
    assert not keeper.is_called_for(scenario.now)
    scenario.fill("buy 0", "0.4")
    scenario.advance(0.5)
    assert keeper.next_at <= scenario.now + 1

    for bid, ask, seconds in (("99.6", "100", 2), ("99.4", "100", 10), ("99.8", "100.2", 60)):
        scenario.book(bid=bid, ask=ask)
        scenario.advance(seconds)

    found = [(one.after_s, one.mid) for one in booked(scenario, MarkoutEntry)]
    assert found == [(1, Decimal("99.8")), (10, Decimal("99.7")), (60, Decimal(100))]
    assert keeper.next_at == inf


def test_no_markout_is_noted_without_a_book() -> None:
    """And the trader is not woken for it again and again."""
    scenario = Scenario({"long_profit_taking_spread": 1})
    scenario.book(bid="99.8", ask="100.2")
    scenario.advance(1)
    scenario.fill("buy 0", "0.4")
    scenario.advance(0.1)
    scenario.book(bids={}, asks={})
    scenario.advance(5)
    assert booked(scenario, MarkoutEntry) == []
    assert scenario._trader.keeper.next_at > scenario.now + 1


def test_a_fill_by_hand_is_booked_as_somebody_elses() -> None:
    """It changes the wallet, and is followed by nobody."""
    scenario = Scenario()
    scenario.book(bid="99.8", ask="100.2")
    scenario.advance(1)
    scenario.by_hand("buy", "0.3", at="100.2")
    scenario.advance(2)
    (fill,) = booked(scenario, FillEntry)
    assert (fill.ours, fill.what) == (False, None)
    assert booked(scenario, MarkoutEntry) == []


def test_a_restart_books_nothing_that_is_known() -> None:
    """The next process is told of the same fill again, and the account is read anew."""
    scenario = Scenario({"long_profit_taking_spread": 1})
    scenario.book(bid="99.8", ask="100.2")
    scenario.advance(1)
    scenario.fill("buy 0", "0.4")
    scenario.advance(2)
    before = booked(scenario, FillEntry)
    scenario.restart()
    scenario.book(bid="99.8", ask="100.2")
    scenario.advance(35)
    assert booked(scenario, FillEntry) == before
    assert len(booked(scenario, AccountEntry)) > 1
