"""One open position as a status has it: what is to close it, and how far away each of that is. Pure."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.exits.level import stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import Instrument
from perpmaker.model.position import Position
from perpmaker.report.status import PositionStatus

SHARE_PLACES = 6
"""Decimals of what is a share: a ten-thousandth of a percent."""


def position_status(
    position: Position,
    *,
    instrument: Instrument,
    mark: Decimal | None,
    exits: ExitSettings,
    target: Decimal | None,
    venue_stop: Decimal | None,
    fired: bool,
) -> PositionStatus:
    """Return the status of a position. `target` and `venue_stop` are the prices of what rests for it."""
    sign = 1 if position.amount > 0 else -1
    has_entry = position.entry > 0
    level = stop_level(exits, position, sign, instrument) if has_entry else None
    stop = None if level is None else instrument.price(level)

    return PositionStatus(
        side=position.side.value,
        amount=position.amount,
        entry=position.entry,
        notional=None if mark is None else abs(position.amount) * mark,
        unrealized_pnl=None if mark is None or not has_entry else position.amount * (mark - position.entry),
        target=target,
        stop=stop,
        stop_distance=_distance(stop, mark, sign),
        stop_fired=fired,
        venue_stop=venue_stop,
        liquidation=position.liquidation,
        liquidation_distance=_distance(position.liquidation, mark, sign),
    )


def share(value: Decimal | None) -> Decimal | None:
    """Return a share with as many decimals as anybody looks at."""
    return None if value is None else round(value, SHARE_PLACES)


def _distance(price: Decimal | None, mark: Decimal | None, sign: int) -> Decimal | None:
    """How far the mark price is from a price that it must not reach, as a share of the mark."""
    return None if price is None or not mark else share(sign * (mark - price) / mark)
