"""The book of a capture that nobody can ask for another snapshot."""

from __future__ import annotations

import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.event import BookLost, BookSnapshot, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.venue import CapturedBook, CapturedMarket, LevelTranslator

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


@pytest.mark.parametrize("previous", [None, 10])
def test_a_snapshot_that_came_before_all_differences_is_joined(instrument: Instrument, previous: int | None) -> None:
    """Whether they name the one that they continue or count without holes; trades count from then on."""
    market = CapturedMarket(instrument)
    assert market.trade("100", "1", Side.SELL, venue_ms=1) == ()
    assert market.restore(10, BID, ASK) == ()
    assert not market.is_live

    first, *_ = market.offer(11, 12, previous, BID, (), venue_ms=2)
    assert isinstance(first, BookSnapshot)
    assert market.trade("100", "1", Side.SELL, venue_ms=3) == (
        Traded(ticks=200, lots=100, taker=Side.SELL, venue_ms=3),
    )


def test_what_is_of_another_market_is_refused(instrument: Instrument) -> None:
    """By its name, or by a price that the market cannot have."""
    market = CapturedMarket(instrument)
    market.check(instrument.symbol)

    with pytest.raises(ValueError, match="of the market 'OTHER'"):
        market.check("OTHER")

    market.restore(10, (("100.01", "1"),), ())

    with pytest.raises(PayloadError):
        market.offer(11, 12, 10, BID, (), venue_ms=2)
