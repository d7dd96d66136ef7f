"""Our own lots in the book, at the moment that the book shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import Side
from perpmaker.state.own_depth import BOOK_TIMEOUT_S, OwnDepth

BID = Side.BUY.sign


def test_a_change_waits_until_the_book_has_reached_its_time() -> None:
    """An order accepted at 20 is in the book from 20 on."""
    depth = OwnDepth()
    depth.reached_ms = 10
    depth.add(Side.BUY, 100, 5, venue_ms=20, now=0.0)
    assert (depth.lots[BID], depth.is_waiting) == ({}, True)
    depth.reached_ms = 20
    depth.catch_up(0.1)

    assert (depth.lots[BID], depth.is_waiting) == ({100: 5}, False)


def test_a_change_without_a_time_counts_at_once() -> None:
    """What the venue did not date cannot wait for it."""
    depth = OwnDepth()
    depth.add(Side.BUY, 100, 5, venue_ms=0, now=0.0)

    assert depth.lots[BID] == {100: 5}


def test_a_change_does_not_wait_for_ever() -> None:
    """The two clocks may not be comparable."""
    depth = OwnDepth()
    depth.add(Side.BUY, 100, 5, venue_ms=10**12, now=0.0)
    depth.catch_up(BOOK_TIMEOUT_S)

    assert depth.lots[BID] == {100: 5}


def expecting(displayed: int, *, known: int = 0) -> OwnDepth:
    """Depth that expects a bid of 5 at 100, where so many lots are displayed, some of them known for ours."""
    depth = OwnDepth()
    depth.add(Side.BUY, 100, known, venue_ms=0, now=0.0)
    depth.expect("pm-1", Side.BUY, 100, 5, displayed=displayed)

    return depth


@pytest.mark.parametrize(
    ("before", "after", "ours"),
    [
        (0, 0, 0),
        (0, 5, 5),
        (7, 3, 0),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (7, 7, 0),
                (7, 12, 5),
                (7, 9, 2),
                (7, 30, 5),
            )
        ),
    ],
)
def test_an_unanswered_order_is_what_comes_up_at_its_price(before: int, after: int, ours: int) -> None:
    """Up to its own lots; what was displayed before it was sent is never hidden."""
    depth = expecting(before)
    depth.observe(lambda *_: after)

    assert depth.lots[BID].get(100, 0) == ours


def test_other_people_who_leave_are_not_replaced_by_us() -> None:
    """Seven go and five come up: those are ours."""
    depth = expecting(7)
    depth.observe(lambda *_: 0)
    depth.observe(lambda *_: 5)

    assert depth.lots[BID] == {100: 5}


def test_an_order_that_takes_the_place_of_another_of_ours_is_seen_in_the_same_book() -> None:
    """The old one goes and the new one comes between two books: the display is as before, and still all ours."""
    depth = expecting(5, known=5)
    depth.add(Side.BUY, 100, -5, venue_ms=0, now=0.0)
    depth.observe(lambda *_: 5)

    assert depth.lots[BID] == {100: 5}


def test_the_answer_takes_the_place_of_the_guess() -> None:
    """Accepted it counts once, from its own time on; refused, what came up was somebody else's."""
    accepted, refused = expecting(0), expecting(0)

    for depth in (accepted, refused):
        depth.reached_ms = 20
        depth.observe(lambda *_: 5)

    accepted.answered("pm-1", venue_ms=20, now=0.1)
    accepted.add(Side.BUY, 100, 5, venue_ms=20, now=0.1)
    refused.answered("pm-1", venue_ms=0, now=0.1)
    assert (accepted.lots[BID], refused.lots[BID]) == ({100: 5}, {})
    assert not accepted.is_expecting


def test_an_unanswered_order_that_ended_is_in_the_book_until_that_shows_its_end() -> None:
    """Cancelled at 30, it is displayed until then."""
    depth = expecting(0)
    depth.reached_ms = 20
    depth.observe(lambda *_: 5)
    depth.answered("pm-1", venue_ms=30, now=0.1)
    assert depth.lots[BID] == {100: 5}

    depth.reached_ms = 30
    depth.catch_up(0.2)
    assert depth.lots[BID] == {}


@given(
    orders=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 3), st.integers(0, 30)), max_size=10),
    displayed=st.lists(st.integers(0, 30), max_size=10),
)
def test_I17_nothing_is_left_of_guesses(orders: list[tuple[Side, int, int]], displayed: list[int]) -> None:
    """Whatever was displayed while the answers were awaited."""
    depth = OwnDepth()

    for name, (side, ticks, lots) in enumerate(orders):
        depth.expect(str(name), side, ticks, 4, displayed=lots)

    for lots in displayed:
        depth.observe(lambda _, ticks, lots=lots: lots // ticks)  # type: ignore[misc]  # bound for this round
        assert all(ours > 0 for half in depth.lots.values() for ours in half.values())

    for name, (_, _, venue_ms) in enumerate(orders):
        depth.answered(str(name), venue_ms=venue_ms, now=0.0)

    depth.catch_up(BOOK_TIMEOUT_S)
    assert depth.lots == {side.sign: {} for side in Side}


@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 3), st.integers(0, 30)), max_size=20))
def test_I17_nothing_is_left_of_orders_that_are_gone(changes: list[tuple[Side, int, int]]) -> None:
    """Whatever came and went, in whatever order of times: no level of zero lots stays behind."""
    depth = OwnDepth()

    for side, ticks, venue_ms in changes:
        depth.add(side, ticks, 2, venue_ms=venue_ms, now=0.0)
        depth.add(side, ticks, -2, venue_ms=30 - venue_ms, now=0.0)

    depth.catch_up(BOOK_TIMEOUT_S)
    assert depth.lots == {side.sign: {} for side in Side}
    assert not depth.is_waiting


def test_a_level_that_shows_less_than_ours_gives_an_expected_order_nothing() -> None:
    """The book has not yet shown what we know to rest there: nobody else is there, and none of the new order."""
    depth = expecting(0, known=1)
    depth.observe(lambda *_: 0)

    assert depth.lots[BID] == {100: 1}
