"""Our own lots in the book, at the moment that the book shows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.model.order import Side
from perpmaker.state.own_depth import PATIENCE_S, OwnDepth

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
    depth.catch_up(PATIENCE_S)

    assert depth.lots[BID] == {100: 5}


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 3), st.integers(0, 30)), max_size=20))
def test_I17_nothing_is_left_of_orders_that_are_gone(changes: list[tuple[Side, int, int]]) -> None:
    """Whatever came and went, in whatever order of times: no level of zero lots stays behind."""
    depth = OwnDepth()

    for side, ticks, venue_ms in changes:
        depth.add(side, ticks, 2, venue_ms=venue_ms, now=0.0)
        depth.add(side, ticks, -2, venue_ms=30 - venue_ms, now=0.0)

    depth.catch_up(PATIENCE_S)
    assert depth.lots == {side.sign: {} for side in Side}
    assert not depth.is_waiting
