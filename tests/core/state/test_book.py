"""The book: folding, trust, and our own orders left out exactly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.event import BookChanged, BookSnapshot
from perpmaker.model.order import Side
from perpmaker.state.book import Book

LEVELS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), max_size=8)


def book_of(bids: dict[int, int], asks: dict[int, int], venue_ms: int = 10) -> Book:
    """A synchronised book."""
    book = Book()
    book.snapshot(BookSnapshot(bids=tuple(bids.items()), asks=tuple(asks.items()), venue_ms=venue_ms), 0.0)

    return book


@given(st.lists(st.tuples(LEVELS, LEVELS), max_size=10))
def test_folded_changes_equal_a_plain_dictionary(
    changes: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]],
) -> None:
    """Absolute lots per tick, zero removes, unknown removals mean nothing; best first on both sides."""
    book = book_of({}, {})
    plain: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    for number, (bids, asks) in enumerate(changes):
        book.change(BookChanged(tuple(bids), tuple(asks), number), 0.0)

        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            plain[side].update(levels)

    for side, known in plain.items():
        expected = sorted(((ticks, lots) for ticks, lots in known.items() if lots), reverse=side is Side.BUY)
        assert list(book.levels(side)) == expected

    assert book.best_bid == max((ticks for ticks, lots in plain[Side.BUY].items() if lots), default=None)
    assert book.best_ask == min((ticks for ticks, lots in plain[Side.SELL].items() if lots), default=None)


def test_a_change_without_a_snapshot_means_nothing() -> None:
    """There is nothing that the difference could be folded into."""
    book = Book()
    book.change(BookChanged(((1, 1),), (), 1), 0.0)

    assert not book.ok
    assert book.best_bid is None


def test_a_crossed_book_is_not_trusted_while_it_is_crossed() -> None:
    """Best bid at or above best ask: nothing is priced from that; it may mend itself."""
    book = book_of({10: 1}, {11: 1})
    book.change(BookChanged(((11, 1),), (), 11), 0.0)
    assert not book.ok
    book.change(BookChanged((), ((11, 0), (12, 1)), 12), 0.0)
    assert book.ok


def test_own_lots_are_left_out_once_the_book_shows_them() -> None:
    """An order accepted at a venue time counts in the book from that time on, not before."""
    book = book_of({10: 5, 9: 5}, {12: 5})
    book.own.add(Side.BUY, 10, 5, venue_ms=20, now=0.0)
    assert book.best_bid == 10
    book.change(BookChanged(((10, 5),), (), 20), 0.1)
    assert book.best_bid == 9


def test_a_cancelled_order_is_left_out_until_the_book_has_seen_it_go() -> None:
    """Between the acknowledgement and the next book message our own order is nobody's best price."""
    book = book_of({9: 5}, {12: 5})
    book.own.add(Side.BUY, 10, 5, venue_ms=15, now=0.0)
    book.change(BookChanged(((10, 5),), (), 20), 0.0)
    book.own.add(Side.BUY, 10, -5, venue_ms=30, now=0.1)
    assert book.best_bid == 9
    book.change(BookChanged(((10, 2),), (), 30), 0.2)
    assert list(book.levels(Side.BUY)) == [(10, 2), (9, 5)]


def test_other_peoples_lots_of_our_level_stay() -> None:
    """A level is left out only as far as it is ours."""
    book = book_of({10: 8}, {12: 5}, venue_ms=20)
    book.own.add(Side.BUY, 10, 5, venue_ms=20, now=0.0)

    assert list(book.levels(Side.BUY)) == [(10, 3)]


def test_a_change_that_the_book_never_reaches_is_believed_after_a_second() -> None:
    """Times of the two ways may not be comparable; that does not blind us for long."""
    book = book_of({10: 5}, {12: 5})
    book.own.add(Side.BUY, 10, 5, venue_ms=10**9, now=0.0)
    book.change(BookChanged((), (), 11), 1.5)

    assert book.best_bid is None


def test_I17_empty_levels_are_swept_and_the_book_stays_right() -> None:
    """A market that wanders through many prices leaves no more behind than a multiple of what rests."""
    book = book_of({1: 1}, {10**6: 1})
    plain: dict[int, int] = {1: 1}

    for number in range(20_000):
        levels = ((number, 0), (number + 1, 0), (number + 2, 3), (number + 2 - 5 * (1 + number % 7), number % 2))
        book.change(BookChanged(levels, (), number), 0.0)
        plain.update(levels)
        assert book.best_bid == number + 2

    left = sorted(((ticks, lots) for ticks, lots in plain.items() if lots), reverse=True)
    assert list(book.levels(Side.BUY)) == left
    assert len(book._bids._lots) == len(book._bids._keys) <= 2 * len(left) + 2_000
