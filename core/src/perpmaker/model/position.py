"""Positions, balances and what an account is set to."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum, unique

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.quick import quick


@unique
class MarginMode(Enum):
    """Whether a position's margin is its own or the whole account's."""

    CROSS = "cross"
    ISOLATED = "isolated"


@quick
@attrs.frozen(kw_only=True)
class Position:
    """A position: `amount` is signed (negative is short), in base; `entry` the average entry price, 0 when flat.

    `venue_ms` is the venue's time of the newest fact this is built from. `liquidation` is the venue's own figure
    where it gives one, `isolated_margin` only in isolated mode.
    """

    side: PositionSide
    amount: Decimal = Decimal(0)
    entry: Decimal = Decimal(0)
    venue_ms: int = 0
    liquidation: Decimal | None = None
    isolated_margin: Decimal | None = None


@attrs.frozen(kw_only=True)
class Balance:
    """One asset of the account: `wallet` without unrealised profit, `available` for new margin (None: not told)."""

    asset: str
    wallet: Decimal
    available: Decimal | None = None
    venue_ms: int = 0


@attrs.frozen(kw_only=True)
class VenueSettings:
    """What a market of the account is set to, as read back from the venue."""

    leverage: int
    position_mode: PositionMode
    margin_mode: MarginMode


def open_positions(positions: Iterable[Position], instrument: Instrument) -> list[Position]:
    """Find the positions that an order could close: those of a lot or more."""
    return [position for position in positions if not instrument.is_dust(position.amount)]
