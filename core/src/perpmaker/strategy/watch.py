"""What of the reference a decision waits for: the price band, and the quotes that come too near to it."""

from __future__ import annotations

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.strategy.filters import MinimumSpread
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.wake import Alarm


def watch_minimum(alarm: Alarm, minimum: MinimumSpread, side: Side, ticks: int) -> None:
    """Let the decision hold until the reference comes nearer to this quote than minimum_spread."""
    if minimum.spread is None:
        return

    over, under = minimum.nearest(side)

    if over > 0:
        alarm.away_from(side, ticks * under, over)


def watch_band(
    alarm: Alarm, settings: StrategySettings, instrument: Instrument, side: Side, reference: Reference
) -> None:
    """Let the decision hold while the reference stays on this side of the ceiling, or of the floor."""
    limit = settings.price_ceiling if side is Side.BUY else settings.price_floor

    if limit is None:
        return

    over, under = (limit / instrument.tick).as_integer_ratio()
    outside = side.sign * (reference.price - limit) >= 0

    if side is Side.BUY:
        (alarm.at_least if outside else alarm.below)(over, under)
    else:
        (alarm.at_most if outside else alarm.above)(over, under)
