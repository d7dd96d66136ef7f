"""Quotes that a stop on the venue would trade with, where the venue cannot be told that it must not.

Such a stop closes a position against whatever rests. A quote that adds to the same position stands on that side: it
goes before the stop fires, and comes back when the price has left again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.model.order import PositionSide, Side
from perpmaker.model.quote import Quote, VenueStop, Wake, WantedExits
from perpmaker.state.view import View

GO: Final = Decimal("0.005")
"""Distance of the mark price from a stop's trigger, as a share of that, from which on the quotes go."""

BACK: Final = Decimal("0.0075")
"""The distance at which they come back: a price that flaps about one line must not make orders."""


@attrs.define
class NearStops:
    """Keeps quotes away from stops. `_near` are the sides that are off, by position and side of the quotes.

    `_told` are those of which a person was told, because quotes rested there or were wanted.
    """

    _near: frozenset[tuple[PositionSide, Side]] = frozenset()
    _told: frozenset[tuple[PositionSide, Side]] = frozenset()

    def apart(
        self, view: View, quotes: Sequence[Quote], exits: WantedExits, notices: list[str]
    ) -> tuple[tuple[Quote, ...], WantedExits]:
        """The quotes that may rest, and the exits with the prices at which that changes; a change is told."""
        stops = [] if view.mark is None else [want for want in exits.exits if isinstance(want, VenueStop)]
        near = frozenset(_quotes_of(stop) for stop in stops if self._is_near(view, stop))
        resting = [slot for slot in view.orders if slot.kind.is_quote]
        missed = {(slot.position_side, slot.side) for slot in (*resting, *(one.slot for one in quotes))}
        self._tell(near & missed, notices)
        self._near, self._told = near, (self._told | missed) & near

        if stops:
            exits = attrs.evolve(exits, wake=self._watched(view, stops, exits.wake))

        return tuple(one for one in quotes if (one.slot.position_side, one.slot.side) not in near), exits

    def _is_near(self, view: View, stop: VenueStop) -> bool:
        sign = _quotes_of(stop)[1].sign

        return view.mark is not None and sign * (view.mark - self._line(view, stop)) <= 0

    def _line(self, view: View, stop: VenueStop) -> Decimal:
        """The mark price at which the quotes beside a stop go, or come back."""
        is_off = _quotes_of(stop) in self._near

        return view.instrument.price(stop.ticks) * (1 + _quotes_of(stop)[1].sign * (BACK if is_off else GO))

    def _watched(self, view: View, stops: Iterable[VenueStop], wake: Wake) -> Wake:
        """The decision holds while the mark price is on its side of each line."""
        half = view.instrument.tick / 2

        for stop in stops:
            sign, line = _quotes_of(stop)[1].sign, self._line(view, stop)
            is_above = view.mark is not None and view.mark > line
            low, high = wake.mark_low, wake.mark_high

            if is_above:
                low = max(line + half, low or line) if sign > 0 else max(line, low or line)
                wake = attrs.evolve(wake, mark_low=min(low, view.mark or low))
            else:
                high = min(line, high or line) if sign > 0 else min(line - half, high or line)
                wake = attrs.evolve(wake, mark_high=max(high, view.mark or high))

        return wake

    def _tell(self, near: frozenset[tuple[PositionSide, Side]], notices: list[str]) -> None:
        for _, side in sorted(near - self._told):
            notices.append(
                f"{side.value} quotes are off: the mark price is within {GO:.1%} of the stop on the venue, which would "
                "trade with them"
            )


def _quotes_of(stop: VenueStop) -> tuple[PositionSide, Side]:
    """Whose quotes a stop would trade with: those that add to its position."""
    return stop.slot.position_side, stop.slot.side.opposite
