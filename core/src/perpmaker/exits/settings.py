"""What a person may set about exits: when a position is left at a profit, and when at a loss."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

import attrs

from perpmaker.model.setting import Percent, Range


@attrs.frozen(kw_only=True)
class ExitSettings:
    """The keys that decide about exits. Spreads are fractions of the entry price, times seconds; None is off."""

    long_profit_taking_spread: Annotated[Decimal, Percent(at_least=0, at_most=100)] = Decimal(0)
    short_profit_taking_spread: Annotated[Decimal, Percent(at_least=0, below=100)] = Decimal(0)
    stop_loss_spread: Annotated[Decimal | None, Percent(at_least=0, at_most=101, off=0)] = None
    time_between_stop_loss_orders: Annotated[float, Range(above=0)] = 60.0
    stop_loss_slippage_buffer: Annotated[Decimal, Percent(at_least=0, below=100)] = Decimal("0.005")
    stop_loss_order: Literal["limit", "market", "venue"] = "limit"

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed) for what depends on more than one key, or is not built."""
        yield from unbuilt(self)


def unbuilt(settings: ExitSettings) -> Iterator[tuple[str, str]]:
    """Yield (key, what is allowed) for what can be written down already and is not acted on yet.

    The one place for such refusals: a key must never be accepted and then ignored.
    """
    if settings.stop_loss_order == "venue":
        yield "stop_loss_order", "'venue' is not built yet: 'limit' or 'market'"
