"""The stop that is left without a trader."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.exits.last_stop import LastStop
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.testing.view import make_instrument


def test_a_stop_is_set_where_the_price_can_reach_it() -> None:
    """An end tells of a position without a stop where there is none, and where it could never fire."""
    for spread, amount, is_set in [
        (None, 1, False),
        ("0.03", 1, True),
        ("0.03", -1, True),
        ("1", 1, False),  # the price of a long position never falls to zero
        ("1", -1, True),
        ("1.01", 1, False),
    ]:
        stop = LastStop(ExitSettings(stop_loss_spread=None if spread is None else Decimal(spread)), make_instrument())
        position = Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(100))

        assert stop.is_set_for(position) is is_set
