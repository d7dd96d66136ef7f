"""Order optimisation: where a ladder stands at the top of the book.

`retreat` lets a quote that would be the best by more than a tick fall back to one tick better than the rest; it never
moves a quote towards the market. `top` also brings level 1 forward to one tick better than the rest, never nearer to
the reference than minimum_spread, or than half of its own spread while that is off. Where inventory skew moves the
ladder, half of the spread counts from the ladder's centre, and the skew's own floor from the reference.
"""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.model.quote import Reason, Rule
from perpmaker.state.view import BookView, View
from perpmaker.strategy.ladder import Level, nearest_ticks
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.skew import Skewed


def price_to_beat(book: BookView, side: Side, depth_lots: Decimal) -> int | None:
    """Return the best price of other people once `depth_lots` at the top are ignored.

    None when the book ends within them.
    """
    seen = 0

    for ticks, lots in book.levels(side):
        seen += lots

        if seen > depth_lots:
            return ticks

    return None


def optimise(
    settings: StrategySettings,
    view: View,
    side: Side,
    *,
    reference: Reference,
    skewed: Skewed | None,
    ladder: tuple[Level, ...],
    own: list[int],
) -> tuple[list[int], Reason | None]:
    """Return the ladder's prices in ticks (`own`, from level 1 outward) after optimisation, and what it did to them.

    `skewed` is the inventory's skew, None where there is none.

    Further levels keep their distance from level 1; level 1 never crosses the other side.
    """
    if not settings.order_optimization_enabled or not own:
        return own, None

    depth = settings.bid_order_optimization_depth if side is Side.BUY else settings.ask_order_optimization_depth
    beat = price_to_beat(view.book, side, depth / view.instrument.lot)

    if beat is None:
        return own, Reason(Rule.OPTIMISATION, "the book ends within the depth to ignore: nothing to beat")

    bold = beat + side.sign

    if settings.order_optimization_mode == "retreat":
        first = _further(side, own[0], bold)
    else:
        first = _further(side, _nearest(settings, side, reference, skewed, ladder[0].spread / 2), bold)
        opposite = view.book.best_ask if side is Side.BUY else view.book.best_bid
        first = first if opposite is None else _further(side, first, opposite - side.sign)

    return [first + ticks - own[0] for ticks in own], _explain(view.instrument, first, own[0], beat)


def _further(side: Side, one: int, other: int) -> int:
    """The price further from the market: the lower bid, the higher ask."""
    return min(one, other) if side is Side.BUY else max(one, other)


def _nearest(settings: StrategySettings, side: Side, reference: Reference, skewed: Skewed | None, half: Decimal) -> int:
    """The nearest price to the reference that `top` may go to; `half` of level 1's own spread."""
    if skewed is None:
        return nearest_ticks(side, reference, half if settings.minimum_spread is None else settings.minimum_spread)

    own = skewed.hold(side, nearest_ticks(side, skewed.centre, half), nearest_ticks(side, reference, half))

    return _further(side, own, nearest_ticks(side, reference, skewed.floor))


def _explain(instrument: Instrument, first: int, own: int, beat: int) -> Reason:
    """What happened to level 1, with the price to beat."""
    done = "stays" if first == own else "moved to one tick better than the rest, or as near to it as allowed"

    return Reason(Rule.OPTIMISATION, f"level 1 {done}; price to beat", instrument.price(beat))
