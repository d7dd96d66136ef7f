"""Quotes that add to a position go before a stop on the venue fires that would trade with them."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.decision.near_stops import NearStops
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.quote import Quote, VenueStop, Wake, WantedExits
from perpmaker.testing.view import make_instrument, make_view

NET, LONG, SHORT = PositionSide.NET, PositionSide.LONG, PositionSide.SHORT


def quote(side: Side, position: PositionSide = NET) -> Quote:
    """A quote."""
    return Quote(slot=Slot(OrderKind.QUOTE, side, 0, position), ticks=10_000, lots=5, generation=1)


def stop(side: Side, ticks: int, position: PositionSide = NET) -> VenueStop:
    """A stop on the venue; the tick is 0.01."""
    return VenueStop(slot=Slot(OrderKind.VENUE_STOP, side, 0, position), ticks=ticks, lots=5)


def left(
    rule: NearStops, mark: str | None, *stops: VenueStop, quotes: tuple[Quote, ...]
) -> tuple[list[Side], Wake, list[str]]:
    """The sides of the quotes that may rest, when to look again, and what is told."""
    view = make_view(instrument=make_instrument(), mark=None if mark is None else Decimal(mark))
    told: list[str] = []
    kept, exits = rule.apart(view, quotes, WantedExits(exits=stops), told)

    return [one.slot.side for one in kept], exits.wake, told


def test_the_adding_side_goes_when_the_mark_comes_near_and_comes_back_later() -> None:
    """Within 0.5 % of the trigger of a long position's stop at 90; back from 0.75 % on, told once."""
    rule, both, guard = NearStops(), (quote(Side.BUY), quote(Side.SELL)), stop(Side.SELL, 9_000)
    far, wake, _ = left(rule, "91", guard, quotes=both)
    assert far == [Side.BUY, Side.SELL]
    assert wake.mark_low == Decimal("90.455")
    near, wake, told = left(rule, "90.45", guard, quotes=both)
    assert (near, len(told)) == ([Side.SELL], 1)
    assert wake.mark_high == Decimal("90.675")
    still, wake, told = left(rule, "90.60", guard, quotes=both)
    assert (still, told) == ([Side.SELL], [])
    assert wake.mark_high == Decimal("90.675")
    assert left(rule, "90.68", guard, quotes=both)[0] == [Side.BUY, Side.SELL]


def test_a_short_position_has_it_mirrored_and_hedge_sides_stand_apart() -> None:
    """Its stop buys: what sells to the same position goes."""
    both = (quote(Side.BUY), quote(Side.SELL))
    sides, wake, _ = left(NearStops(), "109", stop(Side.BUY, 11_000), quotes=both)
    assert sides == [Side.BUY, Side.SELL]
    assert wake.mark_high == Decimal("109.445")
    assert left(NearStops(), "109.9", stop(Side.BUY, 11_000), quotes=both)[0] == [Side.BUY]
    hedged = (quote(Side.BUY, LONG), quote(Side.SELL, SHORT))
    guards = (stop(Side.SELL, 9_000, LONG), stop(Side.BUY, 11_000, SHORT))
    assert left(NearStops(), "90.1", *guards, quotes=hedged)[0] == [Side.SELL]


def test_without_a_stop_or_a_mark_price_nothing_goes() -> None:
    """There is nothing to trade with, or nothing to judge by."""
    both = (quote(Side.BUY), quote(Side.SELL))
    assert left(NearStops(), "90", quotes=both)[0] == [Side.BUY, Side.SELL]
    assert left(NearStops(), None, stop(Side.SELL, 9_000), quotes=both)[0] == [Side.BUY, Side.SELL]


def test_nothing_is_told_where_no_quote_was_wanted() -> None:
    """In the filled delay there is none to take off; it is told when one would rest there."""
    rule, guard = NearStops(), stop(Side.SELL, 9_000)
    assert left(rule, "90.45", guard, quotes=())[2] == []
    assert len(left(rule, "90.46", guard, quotes=(quote(Side.BUY),))[2]) == 1
    assert left(rule, "90.45", guard, quotes=(quote(Side.BUY),))[2] == []
