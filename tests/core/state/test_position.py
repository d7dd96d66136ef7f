"""A position from fills at once, and from reports with care."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.state.position import POSITION_RETRY_S, TrackedPosition
from perpmaker.state.step import Step, moved


def position(amount: str, entry: str = "100", venue_ms: int = 0) -> Position:
    """A net position."""
    return Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(entry), venue_ms=venue_ms)


def step(venue_ms: int, amount: str, price: str = "100") -> Step:
    """A fill."""
    return Step(venue_ms, Decimal(amount), Decimal(price))


def tracked() -> TrackedPosition:
    """A flat position without any history."""
    return TrackedPosition(position("0", "0"))


def test_average_entry_as_venues_keep_it() -> None:
    """Growing averages, shrinking keeps, flipping restarts, flat is zero."""
    long = moved(moved(position("0", "0"), step(1, "1", "100")), step(2, "3", "104"))
    assert (long.amount, long.entry) == (Decimal(4), Decimal(103))
    assert moved(long, step(3, "-1", "200")).entry == 103
    flipped = moved(long, step(3, "-5", "90"))
    assert (flipped.amount, flipped.entry) == (Decimal(-1), Decimal(90))
    assert moved(long, step(3, "-4", "90")).entry == 0


def test_what_the_venue_said_of_margin_is_of_the_amount_that_it_spoke_of() -> None:
    """Its liquidation price stays until the next word, but never with a position that was turned round."""
    long = attrs.evolve(position("1"), liquidation=Decimal(80), isolated_margin=Decimal(20))
    figures = {
        amount: (after.liquidation, after.isolated_margin)
        for amount in ("1", "-0.5", "-1", "-2")
        for after in (moved(long, step(1, amount)),)
    }
    assert figures == {"1": (80, None), "-0.5": (80, None), "-1": (None, None), "-2": (None, None)}


def test_newer_report_that_differs_is_adopted_and_its_fill_not_applied_again() -> None:
    """The report of a fill may come before the fill itself: one change, and nothing external."""
    one = tracked()
    one.report(position("1", venue_ms=10), 0.0)
    one.fill(step(10, "1"))

    assert one.now.amount == 1
    assert one.external == 0


def test_report_of_the_same_millisecond_is_resolved_by_the_missing_fill() -> None:
    """Two fills of one millisecond, reported together after the first arrived: a doubt, until the second comes."""
    one = tracked()
    one.fill(step(10, "1"))
    one.report(position("2", venue_ms=10), 5.0)
    assert (one.now.amount, one.doubt_since) == (Decimal(1), 5.0)
    one.fill(step(10, "1"))
    assert (one.now.amount, one.doubt_since) == (Decimal(2), None)


def test_older_reports_are_ignored() -> None:
    """A report from before the last fill says nothing about now."""
    one = tracked()
    one.fill(step(10, "1"))
    one.report(position("0", "0", venue_ms=9), 0.0)

    assert one.now.amount == 1


def test_reports_of_one_millisecond_follow_each_other_after_an_adopted_one() -> None:
    """Once a report leads, the next one of the same millisecond is newer."""
    one = tracked()
    one.report(position("1", venue_ms=10), 0.0)
    one.report(position("2", venue_ms=10), 0.0)

    assert one.now.amount == 2


def test_resync_keeps_fills_that_came_after_what_was_read() -> None:
    """The answer was true when it was read; fills since then stay on top of it."""
    one = tracked()
    one.fill(step(10, "1"))
    one.fill(step(20, "1"))
    one.resync(position("1", venue_ms=10), 15, 0.0)

    assert one.now.amount == 2


def test_a_late_resync_does_not_undo_a_newer_report() -> None:
    """An answer that took long is old news."""
    one = tracked()
    one.report(position("3", venue_ms=30), 0.0)
    one.resync(position("1", venue_ms=10), 12, 1.0)

    assert one.now.amount == 3


@given(st.lists(st.integers(-3, 3).filter(bool), max_size=8), st.randoms(use_true_random=False))
def test_any_order_of_fills_and_reports_ends_at_the_venue(amounts: list[int], chance: Random) -> None:
    """Each fill and its report, one millisecond apart from the next, shuffled and some reports twice."""
    total = 0
    messages: list[Step | Position] = []

    for number, amount in enumerate(amounts):
        total += amount
        messages += [step(number, str(amount)), position(str(total), venue_ms=number)]

    shuffled = list(messages)
    chance.shuffle(shuffled)
    one = tracked()

    for message in shuffled:
        if isinstance(message, Step):
            one.fill(message)
        else:
            one.report(message, 0.0)
            one.report(message, 0.0)

    assert one.now.amount == total


# --- reads that race with the stream ---------------------------------------------------------------------------------


def test_a_read_that_knows_of_a_close_already_does_not_close_twice() -> None:
    """A flat position has no time of its own: the read is dated before the close that it already contains."""
    one = tracked()
    one.fill(step(10, "5"))
    one.fill(step(30, "-5"))
    one.report(position("0", "0", venue_ms=30), 0.0)
    one.resync(position("0", "0", venue_ms=20), 20, 0.0)

    assert (one.now.amount, one.external, one.doubt_since) == (Decimal(0), Decimal(0), None)


def test_a_close_that_is_told_after_the_read_that_knows_of_it_is_not_applied_again() -> None:
    """The same, with the fill's message coming last: nothing external happened, and nothing is sold short."""
    one = tracked()
    one.fill(step(10, "5"))
    one.resync(position("0", "0", venue_ms=20), 20, 0.0)
    one.fill(step(30, "-2"))
    one.fill(step(31, "-3"))

    assert (one.now.amount, one.external, one.external_since) == (Decimal(0), Decimal(0), None)


def test_a_fill_in_the_other_direction_after_a_flat_read_is_a_position() -> None:
    """Only what the read cannot be explained without counts as contained in it."""
    one = tracked()
    one.fill(step(10, "5"))
    one.resync(position("0", "0", venue_ms=20), 20, 0.0)
    one.fill(step(30, "2"))

    assert one.now.amount == 2


def test_a_close_after_a_flat_read_was_settled_is_a_position() -> None:
    """Once the change was told as external, a later fill is a new one."""
    one = tracked()
    one.fill(step(10, "5"))
    one.resync(position("0", "0", venue_ms=20), 20, 0.0)
    one.explain()
    one.fill(step(3000, "-2"))

    assert one.now.amount == -2


def test_a_read_without_a_time_of_its_own_is_as_of_the_read() -> None:
    """What is older than the read is contained in it, also where it only confirms what was known."""
    one = tracked()
    one.fill(step(10, "5"))
    one.resync(position("5"), 40, 0.0)
    one.fill(step(30, "5"))

    assert one.now.amount == 5


# --- an entry price that is not told ---------------------------------------------------------------------------------


def test_a_report_without_entry_price_does_not_forget_the_known_one() -> None:
    """The amount agrees, and the price is what it was."""
    one = tracked()
    one.fill(step(10, "1", "100"))
    one.report(position("1", "0", venue_ms=20), 0.0)

    assert one.now.entry == 100


def test_an_entry_price_that_is_not_known_is_never_averaged() -> None:
    """A fill on top of it does not make it half of the truth; the report that says it does."""
    one = tracked()
    one.report(position("1", "0", venue_ms=10), 0.0)
    one.fill(step(20, "1", "100"))
    assert one.now.entry == 0

    one.report(position("2", "99", venue_ms=20), 0.0)
    assert one.now.entry == 99


def test_a_newer_report_of_less_is_taken_over_without_a_question() -> None:
    """A report that no fill explains wants a second word only where it tells of more."""
    one = tracked()
    one.begin()
    one.fill(step(10, "5"))
    one.report(position("3", venue_ms=20), 1.0)

    assert (one.now.amount, one.external) == (3, -2)
    assert (one.adopted_at, one.question) == (None, "")


def test_a_liquidation_price_is_known_until_the_position_is_flat() -> None:
    """A report without one says nothing about it; a flat position has none."""
    one = tracked()
    one.report(attrs.evolve(position("1", venue_ms=10), liquidation=Decimal(80)), 0.0)
    one.report(position("1", venue_ms=20), 1.0)
    assert one.now.liquidation == 80

    one.fill(step(30, "-1"))
    one.report(position("0", "0", venue_ms=30), 2.0)
    assert one.now.liquidation is None


@pytest.mark.parametrize(("held", "left"), [("0", 0), ("1", 2)])
def test_a_fill_of_a_history_is_in_a_reading_that_found_nothing_and_on_top_of_one_that_found_a_position(
    held: str, left: int
) -> None:
    """A flat account is dated by its last change: what was executed before it was asked for is in it."""
    one = tracked()
    one.fill(step(1, held))
    one.begin()
    one.resync(position(held, venue_ms=1), 100, 10.0)
    one.fill(Step(90, Decimal(1), Decimal(100), 10.0), is_history=True)

    assert one.now.amount == left
    assert (one.question != "", one.question_at) == ((True, 10.0 + POSITION_RETRY_S) if not left else (False, 0.0))


def test_a_fill_after_a_reading_that_found_nothing_stays_on_top_of_it() -> None:
    """The account was flat when it was asked; what was executed later is held, however often that is read."""
    one = tracked()
    one.begin()
    one.fill(Step(200, Decimal(1), Decimal(100), 10.0))

    for now in (10.1, 10.2):
        one.resync(position("0", "0"), 100, now, began_at=9.9)
        assert (one.now.amount, one.question, one.shrunk) == (1, "", None)
