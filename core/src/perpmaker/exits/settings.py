"""What a person may set about exits: when a position is left at a profit, and when at a loss."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

import attrs

from perpmaker.model.order import StopTrigger
from perpmaker.model.setting import Percent, Range


@attrs.frozen(kw_only=True)
class ExitSettings:
    """The keys that decide about exits.

    Spreads are fractions of the entry price, times seconds. None is off.
    """

    long_profit_taking_spread: Annotated[Decimal, Percent(at_least=0, at_most=100)] = Decimal(0)
    short_profit_taking_spread: Annotated[Decimal, Percent(at_least=0, below=100)] = Decimal(0)
    stop_loss_spread: Annotated[Decimal | None, Percent(at_least=0, at_most=101, off=0)] = None
    time_between_stop_loss_orders: Annotated[float, Range(above=0)] = 60.0
    stop_loss_slippage_buffer: Annotated[Decimal, Percent(at_least=0, below=100)] = Decimal("0.005")
    stop_loss_order: Literal["limit", "market", "venue"] = "limit"
    stop_loss_trigger: Literal["best", "mark", "last"] | None = None
    venue_backstop: bool = True

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): a venue does not know the price at which a position could be left."""
        if self.stop_loss_order == "venue" and self.stop_loss_trigger == "best":
            words = (
                'must be "mark" or "last" with stop_loss_order = "venue": the venue fires the stop, and it knows the '
                'mark price and the last trade only; choose one of them, or stop_loss_order = "limit" or "market"'
            )
            yield "stop_loss_trigger", words

    @property
    def trigger(self) -> StopTrigger:
        """The price that fires the stop here.

        Not set: the best price to leave at, with a venue's stop the mark.
        """
        if self.stop_loss_trigger is None:
            return StopTrigger.MARK if self.stop_loss_order == "venue" else StopTrigger.BEST

        return StopTrigger(self.stop_loss_trigger)

    @property
    def venue_trigger(self) -> StopTrigger:
        """The price by which the venue fires a stop of the same kind: it knows mark and last trade."""
        return StopTrigger.MARK if self.trigger is StopTrigger.MARK else StopTrigger.LAST
