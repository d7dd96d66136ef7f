"""What the first read finds, in words."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.runtime.missed_activity import found


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
