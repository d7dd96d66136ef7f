"""The book of a capture that nobody can ask for another snapshot."""

from __future__ import annotations

from perpmaker.model.event import BookLost, BookSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.venue import CapturedBook, LevelTranslator

BID, ASK = (("100", "1"),), (("101", "1"),)


def test_a_snapshot_that_no_difference_joins_is_told_of_once(instrument: Instrument) -> None:
    """As a lost book, when the first difference shows that it is of no use; what comes after it waits in silence."""
    book = CapturedBook(LevelTranslator(instrument), counts_updates=True)
    assert book.restore(10, BID, ASK, venue_ms=1) == ()

    (lost,) = book.offer(20, 21, 19, BID, (), venue_ms=2)

    assert isinstance(lost, BookLost)
    assert not book.is_live
    assert book.offer(22, 23, 21, BID, (), venue_ms=3) == ()


def test_a_snapshot_that_is_joined_makes_the_book_known(instrument: Instrument) -> None:
    """Nothing is lost then."""
    book = CapturedBook(LevelTranslator(instrument), counts_updates=True)
    book.restore(10, BID, ASK, venue_ms=1)

    first, *_ = book.offer(11, 12, 10, BID, (), venue_ms=2)
    assert isinstance(first, BookSnapshot)
    assert book.is_live
