"""`margin_guard`: no new quotes that lead below a share of free margin, and no quotes at all below a lower one.

Free margin is (equity - initial margin of positions and orders) / equity, by the venue's own figures. For a quote::

    bound   the initial margin, less what it holds for our orders, and what our quotes bind, with this one, if they rest
    share   (equity - bound) / equity: below `quote_below` the quote is refused

What rests already stays until the share, as it was read, is below `reduce_below`: then every quote goes, exits stay.
Nothing is refused by a figure that the venue does not tell, but nothing new is quoted then either; nor by one that is
older than a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated

import attrs

from perpmaker import (
    Approved,
    Demand,
    DemandKind,
    Instrument,
    Percent,
    PositionSide,
    Quote,
    Refused,
    Side,
    Slot,
    Verdict,
    View,
    bound_notional,
)
from perpmaker_risk_modules.words import percent, setting

UNTOLD = "the venue does not tell equity and initial margin"


@attrs.frozen(kw_only=True)
class MarginGuardSettings:
    """The table [risk.margin_guard]: shares of the equity that are free."""

    quote_below: Annotated[Decimal, Percent(above=0, below=100)] = Decimal("0.3")
    reduce_below: Annotated[Decimal, Percent(above=0, below=100)] = Decimal("0.2")

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): the lower mark is the lower one."""
        if self.reduce_below >= self.quote_below:
            yield "reduce_below", f"must be below quote_below = {setting(self.quote_below)}"


class MarginGuard:
    """Goes by the newest reading of the account; pure, and remembers nothing."""

    def __init__(self, settings: MarginGuardSettings, instrument: Instrument) -> None:  # noqa: ARG002  # as modules are built
        self._settings = settings

    def review(self, view: View, quote: Quote) -> Verdict:
        """Refuse a new quote that would leave too little free; what rests is left."""
        if _rests(view, quote):
            return Approved(quote=quote)

        mark = f"quote_below = {setting(self._settings.quote_below)}"
        free, bound = view.account.free_margin, view.account.initial_margin

        if free is None or bound is None:
            return Refused(quote=quote, reason=UNTOLD)

        if view.is_account_old:
            return Refused(quote=quote, reason=f"the account was read {view.account_age_s:.0f} s ago")

        left = self._left(view, quote, bound)

        if left < self._settings.quote_below:
            words = f"free margin is {percent(free)} and would be {percent(left)} with it, below {mark}"
            return Refused(quote=quote, reason=words)

        return Approved(quote=quote)

    def demand(self, view: View) -> Demand | None:
        """Take every quote off below the lower mark; a figure that is old demands nothing."""
        free = view.account.free_margin

        if free is None or view.is_account_old or free >= self._settings.reduce_below:
            return None

        mark = f"reduce_below = {setting(self._settings.reduce_below)}"

        return Demand(kind=DemandKind.PULL, reason=f"free margin is {percent(free)}, below {mark}")

    def advise(self, view: View) -> Iterable[str]:
        """Say before a start that nothing could be judged."""
        if view.account.free_margin is None:
            yield f"{UNTOLD}: nothing will be quoted. Take the table out of the file"

    def _left(self, view: View, quote: Quote, bound: Decimal) -> Decimal:
        """The share that is free once everything rests that was approved, and this quote."""
        equity = view.account.equity or Decimal(0)
        bound += _margin_of_quotes(view, quote) - view.account.quote_margin

        return (equity - bound) / equity if equity > 0 else Decimal(0)


def _rests(view: View, quote: Quote) -> bool:
    """Whether the quote is the order that rests in its slot."""
    resting = view.orders.get(quote.slot)

    if resting is None:
        return False

    order = resting.order

    return (order.ticks, order.lots, order.generation) == (quote.ticks, quote.lots, quote.generation)


def _margin_of_quotes(view: View, quote: Quote) -> Decimal:
    """What our quotes bind, this one among them; of one that replaces another the larger counts, never both."""
    units = {
        slot: order.highest_ticks * order.remaining_lots for slot, order in view.orders.items() if slot.kind.is_quote
    }

    for slot, one in (*view.approved.items(), (quote.slot, quote)):
        units[slot] = max(units.get(slot, 0), one.ticks * one.lots)

    margins = (_bound(view, side, units) for side in {slot.position_side for slot in units})

    return sum(margins, Decimal(0)) / view.leverage


def _bound(view: View, side: PositionSide, units: Mapping[Slot, int]) -> Decimal:
    """The notional that quotes of one position bind: what they could make of it beyond what it is."""
    position, unit = view.positions.get(side), view.instrument.tick * view.instrument.lot
    held = Decimal(0) if position is None else position.amount * (view.mark or position.entry)
    bids, asks = (
        sum(size for slot, size in units.items() if slot.side is way and slot.position_side is side) * unit
        for way in (Side.BUY, Side.SELL)
    )
    adding = max(abs(held + bids) - abs(held), Decimal(0)), max(abs(held - asks) - abs(held), Decimal(0))

    return bound_notional(view.instrument.order_margin, *adding)
