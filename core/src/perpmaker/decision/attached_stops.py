"""Quotes that carry the stop of the position that they would open, where nothing else outlives this program.

A fill of such a quote sets the position's stop on the venue, also while nobody lives. Quotes that can only make a
position smaller carry none.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from perpmaker.exits.backstop import BEHIND
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.stop import ticks_away
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, PositionSide
from perpmaker.model.position import Position


@attrs.frozen(kw_only=True)
class AttachedStopRule:
    """Tells which stop a quote carries: where the stop of a position opened at its price belongs on the venue."""

    settings: ExitSettings
    instrument: Instrument

    @classmethod
    def of(cls, settings: ExitSettings | None, instrument: Instrument) -> AttachedStopRule | None:
        """The rule of these settings; None where nothing is known of them."""
        return None if settings is None else cls(settings=settings, instrument=instrument)

    def carried(self, order: NewOrder, positions: Mapping[PositionSide, Position], *, filled_lots: int = 0) -> NewOrder:
        """The order with the stop that it carries; none where it closes, or is filled in part already."""
        return attrs.evolve(order, attached_stop=None if filled_lots else self._ticks(order, positions))

    def _ticks(self, order: NewOrder, positions: Mapping[PositionSide, Position]) -> int | None:
        spread, settings = self.settings.stop_loss_spread, self.settings
        by_venue = settings.stop_loss_order == "venue"

        if spread is None or order.ticks is None or order.slot.kind is not OrderKind.QUOTE or order.reduce_only:
            return None

        position = positions.get(order.position_side)
        is_closing = position is not None and position.amount * order.side.sign < 0

        if is_closing or not (by_venue or settings.venue_backstop):
            return None

        sign = order.side.sign
        distance = spread * (Decimal(1) if by_venue else BEHIND)
        ticks = ticks_away(self.instrument, self.instrument.price(order.ticks) * (1 - sign * distance), sign)

        return ticks if ticks > 0 else None
