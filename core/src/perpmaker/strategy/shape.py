"""What a decision begins with: the ladder and its filters, made once for a market; the ladder priced for a moment."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Reason, Rule
from perpmaker.state.view import View
from perpmaker.strategy.filters import Allowance, MarketFilter, MinimumSpread
from perpmaker.strategy.ladder import Level, ladder_ticks
from perpmaker.strategy.optimisation import optimise
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.refresh import Tolerance
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.skew import InventorySkew, Skewed


@attrs.frozen(kw_only=True)
class Shape:
    """What follows from settings and market alone, made once: ladder, filters, tolerance, allowance.

    `slots` are the ladder's; `skew` is None where inventory skew is off.
    """

    ladder: dict[Side, tuple[Level, ...]]
    slots: tuple[Slot, ...]
    market: MarketFilter
    minimum: MinimumSpread
    tolerance: Tolerance
    skew: InventorySkew | None
    allowance: Allowance


class Priced(NamedTuple):
    """The ladder of a side at this moment, by place: prices in ticks, and the chains of reasons up to them."""

    ticks: list[int]
    chains: list[tuple[Reason, ...]]


class LadderPrices:
    """Prices the ladder, and hands out the same prices while nothing that they come from has changed."""

    def __init__(self, settings: StrategySettings, shape: Shape) -> None:
        self._settings = settings
        self.shape = shape
        self._known: dict[Side, tuple[Reference, Priced]] = {}

    def of(self, view: View, side: Side, reference: Reference, skewed: Skewed | None) -> Priced:
        """The ladder of a side as it is now."""
        known = self._known.get(side)

        if known is not None and known[0] is reference:
            return known[1]

        priced = price_ladder(self._settings, self.shape, view, side, reference=reference, skewed=skewed)

        if skewed is None and not self._settings.order_optimization_enabled:  # those read the position, and the book
            self._known[side] = (reference, priced)

        return priced


def price_ladder(
    settings: StrategySettings, shape: Shape, view: View, side: Side, *, reference: Reference, skewed: Skewed | None
) -> Priced:
    """The ladder of a side as it is now, skewed and optimised.

    A chain goes from the reference over skew, spread, amount and optimisation to the rounded price.
    """
    ladder = shape.ladder[side]

    if skewed is None:
        own = ladder_ticks(side, ladder, reference)
        starts = [level.reasons for level in ladder]
    else:
        own, added = skewed.lay(side, ladder, reference)
        starts = [(*level.reasons, *reasons) for level, reasons in zip(ladder, added, strict=True)]

    ticks, optimised = optimise(settings, view, side, reference=reference, skewed=skewed, ladder=ladder, own=own)
    moved = () if optimised is None else (optimised,)
    price, rule, rounded = view.instrument.price, Rule.ROUNDING, "price away from the market to the tick"
    chains = [
        (reference.reason, *start, *moved, Reason(rule, rounded, price(one)))
        for start, one in zip(starts, ticks, strict=True)
    ]

    return Priced(ticks, chains)
