"""A stop beyond liquidation never works: the effective one lies a fifth of the way back from it towards the entry."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.exits.last_stop import LastStop
from perpmaker.exits.level import stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.testing.view import make_instrument

INSTRUMENT = make_instrument()
SETTINGS = ExitSettings(stop_loss_spread=Decimal("0.1"))


def test_backstop_the_level_keeps_its_distance_from_liquidation() -> None:
    """Nearer to the entry than what is set, never farther; a liquidation price on the side of the profit means none."""
    for amount, liquidation, level in [
        ("1", "92", "93.6"),
        ("-1", "108", "106.4"),
        ("1", "80", "90"),
        ("-1", "120", "110"),
        ("1", "89", "91.2"),
        ("1", None, "90"),
        ("1", "0", "90"),
        ("1", "104", "90"),
        ("-1", "96", "110"),
    ]:
        sign = -1 if amount.startswith("-") else 1
        found = None if liquidation is None else Decimal(liquidation)

        for side in (PositionSide.NET, PositionSide.LONG if sign > 0 else PositionSide.SHORT):
            position = Position(side=side, amount=Decimal(amount), entry=Decimal(100), liquidation=found)
            ticks = stop_level(SETTINGS, position, sign, INSTRUMENT)
            assert ticks is not None
            assert INSTRUMENT.price(ticks) == Decimal(level)

            last = LastStop(SETTINGS, INSTRUMENT).order(position, "s1", None)
            assert last is not None
            assert last.ticks == ticks


def test_backstop_without_a_stop_set_there_is_no_level() -> None:
    """Liquidation alone sets none."""
    position = Position(side=PositionSide.NET, amount=Decimal(1), entry=Decimal(100), liquidation=Decimal(92))
    settings = attrs.evolve(SETTINGS, stop_loss_spread=None)
    assert stop_level(settings, position, 1, INSTRUMENT) is None
    assert LastStop(settings, INSTRUMENT).order(position, "s1", None) is None
