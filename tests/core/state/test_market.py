"""What the market says besides its book, and how old each word is."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from perpmaker.model.event import Channel, MarkChanged, ReferenceChanged
from perpmaker.state.market import Market


def test_an_age_is_that_of_the_channel_and_not_of_the_last_change() -> None:
    """A heartbeat makes a quiet channel young; one that was lost is infinitely old, however new its word."""
    market = Market()
    assert market.age_s(Channel.BOOK, 5.0) == inf
    market.alive(Channel.BOOK, 1.0)
    assert market.age_s(Channel.BOOK, 5.0) == 4.0
    market.alive(Channel.BOOK, 5.0)
    assert market.age_s(Channel.BOOK, 5.0) == 0.0
    market.lose(Channel.BOOK)
    assert market.age_s(Channel.BOOK, 5.0) == inf


def test_a_mark_brings_its_funding() -> None:
    """The newest word of the channel is kept whole."""
    market = Market()
    market.marked(
        MarkChanged(mark=Decimal(100), index=None, funding_rate=Decimal("0.0001"), next_funding_ms=9, venue_ms=1), 2.0
    )

    assert (market.mark, market.funding_rate, market.next_funding_ms) == (Decimal(100), Decimal("0.0001"), 9)
    assert market.age_s(Channel.MARK, 3.0) == 1.0


def test_a_reference_is_as_old_as_its_source_says() -> None:
    """A price that took long to come is not new."""
    market = Market()
    market.referred(ReferenceChanged(price=Decimal(100), at=1.0))

    assert market.age_s(Channel.REFERENCE, 4.0) == 3.0
