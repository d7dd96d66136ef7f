"""What the first read finds, in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from perpmaker.journal.order_intents import OrderIntents
from perpmaker.ledger.ledger import Ledger
from perpmaker.model.client_id import TextIds
from perpmaker.model.event import IncomeReported
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.runtime.missed_activity import MissedActivity, found
from perpmaker.state.account import Totals


def test_a_position_that_is_there_from_the_start_is_told_with_its_entry() -> None:
    """A flat one is not; an entry price that the venue did not tell is not made up."""
    positions = (
        Position(side=PositionSide.LONG),
        Position(side=PositionSide.SHORT, amount=Decimal("-0.010"), entry=Decimal("59978.60000000")),
        Position(side=PositionSide.NET, amount=Decimal("0.5")),
    )

    assert list(found(positions)) == [
        "at the start the short position is -0.01, entered at 59978.6",
        "at the start the net position is 0.5, entered at an unknown price",
    ]


def test_funding_that_was_paid_before_the_run_is_told_once() -> None:
    """The history is read again and again; what it says of earlier runs is news at the first time."""
    ledger = Ledger("BTCUSDT", began_ms=1000)
    row = IncomeRecord(
        kind=IncomeKind.FUNDING,
        asset="USDT",
        amount=Decimal("-0.5"),
        symbol="BTCUSDT",
        venue_ms=900,
        word="FUNDING_FEE",
        income_id="1",
    )
    read = [IncomeReported(records=(row,), asked_at=1.0)]
    known = OrderIntents(journal=cast("Any", None), client_ids=TextIds("b", "r1"))
    start = MissedActivity(known=known, last_known=None)
    ledger.fold(read, 1.0)

    assert list(start.lines(read, Totals(), ledger)) == [
        "funding while no run watched: -0.5 USDT (not in the result of this run)"
    ]
    assert list(start.lines(read, Totals(), ledger)) == []
