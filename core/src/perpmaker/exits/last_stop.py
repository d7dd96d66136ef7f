"""The stop that is left on the venue for a position when nothing else can decide any more."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.exits.backstop import before_market, trigger_on_venue
from perpmaker.exits.close_out import closing_slot
from perpmaker.exits.level import stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, StopTrigger
from perpmaker.model.position import Position


@attrs.frozen
class LastStop:
    """Makes the stop of a position from its entry price alone, without a book and without a memory.

    `sizes_stops`: the venue keeps stops of an amount only.
    """

    settings: ExitSettings
    instrument: Instrument
    sizes_stops: bool = False

    @property
    def is_set(self) -> bool:
        """Whether a stop is set at all."""
        return self.settings.stop_loss_spread is not None

    def is_set_for(self, position: Position) -> bool:
        """Return whether a stop is set, at a level that the price of this position can reach."""
        spread = self.settings.stop_loss_spread

        if spread is None or position.entry <= 0:
            return spread is not None

        level = stop_level(self.settings, position, 1 if position.amount > 0 else -1, self.instrument)

        return level is not None and level > 0

    def order(
        self, position: Position, client_id: str, mark: Decimal | None, last_trade: int | None = None
    ) -> NewOrder | None:
        """Return the stop at its own level, or a little past the price that it watches where that is beyond.

        None: none set.

        Args:
            position: An open position; its entry price is positive.
            client_id: The id of the new order.
            mark: The newest mark price, None where it is not known.
            last_trade: The newest trade in ticks, None where it is not known.
        """
        if position.entry <= 0 or not position.amount:
            return None

        sign = 1 if position.amount > 0 else -1
        level = stop_level(self.settings, position, sign, self.instrument)
        trigger, watched = trigger_on_venue(self.settings), mark

        if trigger is StopTrigger.LAST:
            watched = None if last_trade is None else self.instrument.price(last_trade)

        if level is None or (ticks := before_market(self.instrument, watched, sign, level)) <= 0:
            return None

        return NewOrder(
            client_id=client_id,
            slot=closing_slot(OrderKind.VENUE_STOP, position),
            lots=self.instrument.lots_down(abs(position.amount)),
            ticks=ticks,
            type=OrderType.VENUE_STOP,
            reduce_only=True,
            trigger=trigger,
            whole=not self.sizes_stops,
        )
