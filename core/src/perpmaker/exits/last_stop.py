"""The stop that is left on the venue for a position when nothing else can decide any more."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.exits.backstop import PAST_MARKET
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.stop import stop_ticks
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Slot, StopTrigger
from perpmaker.model.position import Position
from perpmaker.model.quote import opening_side


@attrs.frozen
class LastStop:
    """Makes the stop of a position from its entry price alone, without a book and without a memory."""

    settings: ExitSettings
    instrument: Instrument

    def slot(self, position: Position) -> Slot:
        """The place of the position's stop on the venue."""
        side = opening_side(position.side, 1 if position.amount > 0 else -1).opposite

        return Slot(OrderKind.VENUE_STOP, side, 0, position.side)

    def order(self, position: Position, client_id: str, mark: Decimal | None) -> NewOrder | None:
        """The stop at its own level, or a little past the mark price where that is beyond it; None where none is set.

        Args:
            position: An open position; its entry price is positive.
            client_id: The id of the new order.
            mark: The newest mark price, None where it is not known.
        """
        spread = self.settings.stop_loss_spread

        if spread is None or position.entry <= 0 or not position.amount:
            return None

        sign = 1 if position.amount > 0 else -1
        ticks = stop_ticks(position, sign, spread, self.instrument)

        if mark is not None and sign * (mark - self.instrument.price(ticks)) <= 0:
            price = mark * (1 - sign * PAST_MARKET)
            ticks = self.instrument.ticks_down(price) if sign > 0 else self.instrument.ticks_up(price)

        if ticks <= 0:
            return None

        return NewOrder(
            client_id=client_id,
            slot=self.slot(position),
            lots=self.instrument.lots_down(abs(position.amount)),
            ticks=ticks,
            type=OrderType.VENUE_STOP,
            reduce_only=True,
            trigger=StopTrigger.MARK,
        )
