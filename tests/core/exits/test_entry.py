"""Exits of a position whose entry price the venue has not told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from perpmaker.model.order import OrderStatus
from perpmaker.model.quote import VenueStop, WantedExits
from perpmaker.testing.view import make_position

Targets = Callable[[WantedExits], list[tuple[int, int]]]


def test_nothing_is_guessed_for_two_seconds(venue: Callable[..., Any], targets: Targets) -> None:
    """The report that says it is usually on its way; then target and stop are taken from the mark price of then."""
    desk = venue(positions=make_position("1", entry="0"), mark=Decimal(100), bid=9999, ask=10001)
    first = desk.decide()
    assert (first.exits, first.wake.at) == ((), 1002.0)

    assert targets(desk.decide(2.0, mark=Decimal(110), bid=10999, ask=11001)) == [(11110, 1000)]
    assert targets(desk.decide(1.0, mark=Decimal(112))) == [(11110, 1000)]


def test_the_entry_price_counts_as_soon_as_it_is_told(venue: Callable[..., Any], targets: Targets) -> None:
    """What was taken in its place is forgotten."""
    desk = venue(positions=make_position("1", entry="0"))
    desk.decide()
    desk.decide(2.0, mark=Decimal(110), bid=10999, ask=11001)

    assert targets(desk.decide(1.0, positions=make_position("1", entry="100"))) == [(10100, 1000)]
    desk.decide(1.0, positions=make_position("1", entry="0"))
    assert desk.wanted.exits == ()


def test_the_stop_fires_from_the_price_that_was_taken(
    venue: Callable[..., Any], stops: Callable[[WantedExits], list[tuple[int | None, int]]]
) -> None:
    """Three percent below the mark of then; a short is the mirror image."""
    for amount, price in (("1", 9700), ("-1", 10300)):
        desk = venue(positions=make_position(amount, entry="0"), stop_loss_order="market")
        desk.decide()
        desk.decide(2.0)
        desk.accept()
        desk.decide(1.0, bid=price, ask=price + 1 if amount == "1" else price)
        desk.orders.clear()

        assert stops(desk.decide(1.1)) == [(None, 1000)]


def test_without_a_fresh_mark_the_book_is_taken_and_without_either_it_is_waited(
    venue: Callable[..., Any], targets: Targets
) -> None:
    """Of a long its best bid; nothing old is ever taken."""
    desk = venue(positions=make_position("1", entry="0"), mark_age_s=60.0, book_ok=False)
    desk.decide()
    late = desk.decide(2.0)
    assert late.exits == ()
    assert late.wake.at is not None
    assert late.wake.at <= desk.now + 1

    assert targets(desk.decide(1.0, book_ok=True, bid=10000, ask=10001)) == [(10100, 1000)]


def test_what_rests_or_is_on_its_way_stays_meanwhile(venue: Callable[..., Any]) -> None:
    """A report that says less than the last one takes no protection away."""
    for status in [OrderStatus.OPEN, OrderStatus.PENDING]:
        desk = venue(venue_stops=True, stop_loss_order="venue")
        desk.decide()
        desk.accept(status)
        before = {(type(one), one.ticks) for one in desk.wanted.exits}
        assert VenueStop in {kind for kind, _ in before}
        after = desk.decide(1.0, positions=make_position("1", entry="0"))

        assert {(type(one), one.ticks) for one in after.exits} == before


def test_a_stop_that_has_fired_needs_no_entry_price(
    venue: Callable[..., Any], stops: Callable[[WantedExits], list[tuple[int | None, int]]]
) -> None:
    """It goes on until the position is flat."""
    desk = venue(stop_loss_order="market")
    desk.decide(bid=9600, ask=9601)

    assert stops(desk.decide(0.1, positions=make_position("1", entry="0"))) == [(None, 1000)]
