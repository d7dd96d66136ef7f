"""A position whose entry price is not known: the venue is waited for, and then the price of the market is taken.

A venue may tell the amount of a position before its entry price, or without it. No target and no stop can be told
from nothing, so after `ENTRY_TIMEOUT_S` the position counts as entered at the mark price of that moment: from there on
the loss is bounded, as it would be had a person opened it just then. The entry price replaces it as soon as it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from perpmaker.exits.memory import ExitMemory, Unpriced
from perpmaker.exits.price import LOOK_AGAIN_S, MAX_AGE_S, Source, read_source
from perpmaker.exits.stop import best_against
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.model.quote import Wake
from perpmaker.state.view import View

ENTRY_TIMEOUT_S = 2.0
"""How long the entry price is waited for."""


def track(view: View, known: Mapping[PositionSide, Unpriced]) -> Mapping[PositionSide, Unpriced]:
    """Return the positions without entry price, as they are now. The same object when nothing is new."""
    now = {
        side: _step(view, position, known.get(side))
        for side, position in view.positions.items()
        if position.amount and position.entry <= 0
    }

    return known if now == known else now


def priced(position: Position, memory: ExitMemory) -> Position | None:
    """Return the position with an entry price: its own, or the one taken in its place.

    None while there is neither.
    """
    if position.entry > 0:
        return position

    unpriced = memory.unpriced.get(position.side)

    return None if unpriced is None or unpriced.entry is None else attrs.evolve(position, entry=unpriced.entry)


def watch(view: View, memory: ExitMemory, side: PositionSide) -> Wake:
    """Return when to look again: once patience is over, and then until there is a fresh price."""
    unpriced = memory.unpriced.get(side)

    return Wake(at=max(view.now + LOOK_AGAIN_S, view.now if unpriced is None else unpriced.since + ENTRY_TIMEOUT_S))


def _step(view: View, position: Position, before: Unpriced | None) -> Unpriced:
    sign = 1 if position.amount > 0 else -1

    if before is None or before.sign != sign:
        return Unpriced(sign=sign, since=view.now)

    if before.entry is None and view.now >= before.since + ENTRY_TIMEOUT_S:
        return attrs.evolve(before, entry=_market_price(view, sign))

    return before


def _market_price(view: View, sign: int) -> Decimal | None:
    """The mark price; while that is old, what the position could be left at; None when nothing is fresh."""
    if view.mark is not None and view.mark_age_s < MAX_AGE_S:
        return view.mark

    return view.instrument.price(best_against(view, sign)) if read_source(view) is Source.BOOK else None
