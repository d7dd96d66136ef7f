"""What inventory skew comes to at the cap of the position, in words for the checklist. Pure."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.order import Side
from perpmaker.report.preflight_wording import percent
from perpmaker.state.view import View
from perpmaker.strategy.ladder import build_ladder, least_distance
from perpmaker.strategy.settings import StrategySettings

_SHOWN = Decimal("1e-6")


@attrs.frozen(kw_only=True)
class SkewAtCap:
    """The distances of level 1 from the reference with a long position at the cap.

    `adds` is that of the bid, `closes` that of the ask, fractions. `is_held`: the ask would be nearer than it may be.
    `is_one_fill`: the first bid alone fills the cap, so that the ladder is either not skewed or as far as it can be.
    """

    cap: Decimal
    adds: Decimal
    closes: Decimal
    is_held: bool
    is_one_fill: bool

    @property
    def is_usual(self) -> bool:
        """Whether there is nothing to think about."""
        return not (self.is_held or self.is_one_fill)

    def words(self, base: str) -> str:
        """Say it to a person."""
        words = f"long {self.cap.normalize():f} {base}, the cap: bid {percent(self.adds)} below the reference, "
        words += f"ask {percent(self.closes)} above"
        words += ", as near as it may come" if self.is_held else ""

        return f"{words}; one fill is the whole cap" if self.is_one_fill else words


def skew_at_cap(view: View, strategy: StrategySettings) -> SkewAtCap | None:
    """Return what the skew comes to, None where it is off or a side has no level."""
    ladder, cap = build_ladder(strategy, view.instrument, view.position_mode, view.leverage), view.position_cap

    if strategy.inventory_skew is None or cap is None or not all(ladder.values()):
        return None

    bid, ask = ladder[Side.BUY][0], ladder[Side.SELL][0]
    centre, floor = 1 - strategy.inventory_skew * strategy.skew_distance, least_distance(strategy, view.instrument)
    adds, closes = 1 - centre * (1 - bid.spread), centre * (1 + ask.spread) - 1

    return SkewAtCap(
        cap=cap,
        adds=adds.quantize(_SHOWN),
        closes=max(floor, closes).quantize(_SHOWN),
        is_held=closes < floor,
        is_one_fill=view.instrument.amount(bid.lots) >= cap,
    )
