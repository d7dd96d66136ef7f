"""The level of a stop: its distance from the entry price, or nearer where the position would be liquidated before it.

A stop that lies beyond liquidation never works. It is pulled back to a fifth of the way from liquidation to the entry.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.stop import ticks_away
from perpmaker.model.instrument import Instrument
from perpmaker.model.position import Position

FROM_LIQUIDATION = Decimal("0.2")
"""How far a stop stays from liquidation at least, as a share of the way from liquidation to the entry price."""

SHARE = 1 - FROM_LIQUIDATION
"""The share of the way to liquidation within which stop, slippage buffer and taker fee have to lie."""

STEP = Decimal("0.001")
"""Steps, as a share of the entry price, in which a stop follows a liquidation price that moves."""


def stop_level(settings: ExitSettings, position: Position, sign: int, instrument: Instrument) -> int | None:
    """Return the last price in ticks at which the stop fires. None where no stop is set."""
    spread = settings.stop_loss_spread

    if spread is None:
        return None

    return ticks_away(instrument, before_liquidation(position, sign, position.entry * (1 - sign * spread)), sign)


@attrs.frozen
class Beyond:
    """How far stop, buffer and taker fee reach from the entry price, and how far they may: shares of that price."""

    reach: Decimal
    room: Decimal


def beyond_reach(settings: ExitSettings, position: Position, sign: int, taker_fee: Decimal) -> Beyond | None:
    """Find out by how much a stop comes too near to the position's liquidation price.

    None when it does not.
    """
    entry, liquidation, spread = position.entry, position.liquidation, settings.stop_loss_spread

    if spread is None or entry <= 0 or liquidation is None or liquidation <= 0 or sign * (entry - liquidation) <= 0:
        return None

    reach = spread + settings.stop_loss_slippage_buffer + taker_fee
    room = SHARE * abs(entry - liquidation) / entry

    return Beyond(reach, room) if reach > room else None


def before_liquidation(position: Position, sign: int, price: Decimal) -> Decimal:
    """Return the price, or the farthest one that keeps its distance from liquidation: the one nearer to the entry."""
    entry, liquidation = position.entry, position.liquidation

    if liquidation is None or liquidation <= 0 or sign * (entry - liquidation) <= 0:
        return price

    nearest = liquidation + FROM_LIQUIDATION * (entry - liquidation)

    if sign * (price - nearest) >= 0:
        return price

    steps = abs(entry - nearest) // (STEP * entry)

    return entry - sign * steps * STEP * entry
