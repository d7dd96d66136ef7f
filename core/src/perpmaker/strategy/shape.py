"""What a decision begins with: the ladder and its filters, made once for a market; the ladder priced for a moment."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Reason, Rule
from perpmaker.state.view import View
from perpmaker.strategy.filters import MarketFilter, MinimumSpread
from perpmaker.strategy.ladder import Level, ladder_ticks
from perpmaker.strategy.optimisation import optimise
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.refresh import Tolerance
from perpmaker.strategy.settings import StrategySettings


@attrs.frozen(kw_only=True)
class Shape:
    """What follows from settings and market alone, made once: ladder, filters, tolerance. `slots`: the ladder's."""

    ladder: dict[Side, tuple[Level, ...]]
    slots: tuple[Slot, ...]
    market: MarketFilter
    minimum: MinimumSpread
    tolerance: Tolerance


class Priced(NamedTuple):
    """The ladder of a side at this moment, by place: prices in ticks, and the chains of reasons up to them."""

    ticks: list[int]
    chains: list[tuple[Reason, ...]]


def price_ladder(settings: StrategySettings, shape: Shape, view: View, reference: Reference, side: Side) -> Priced:
    """The ladder of a side as it is now, optimised.

    A chain goes from the reference over spread, amount and optimisation to the rounded price.
    """
    ladder = shape.ladder[side]
    own = ladder_ticks(side, ladder, reference)
    ticks, optimised = optimise(settings, view, side, reference=reference, ladder=ladder, own=own)
    moved = () if optimised is None else (optimised,)
    price, rule, rounded = view.instrument.price, Rule.ROUNDING, "price away from the market to the tick"
    chains = [
        (reference.reason, *level.reasons, *moved, Reason(rule, rounded, price(one)))
        for level, one in zip(ladder, ticks, strict=True)
    ]

    return Priced(ticks, chains)
