"""The book of a node may be crossed; the one that is shown never is, and nothing of it is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from perpmaker.model.event import BookChanged, BookSnapshot, MarketEvent
from perpmaker.venue import LevelTranslator
from perpmaker_dydx_perpetual.book import UncrossedBook
from perpmaker_dydx_perpetual.messages import Book, BookUpdate, Level

from . import payloads


class Shown:
    """The book as the events make it."""

    def __init__(self) -> None:
        self.book = UncrossedBook(LevelTranslator(payloads.INSTRUMENT))
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def take(self, events: Sequence[MarketEvent]) -> None:
        """Follow the events."""
        for event in events:
            assert isinstance(event, BookSnapshot | BookChanged)

            if isinstance(event, BookSnapshot):
                self.bids, self.asks = {}, {}

            for mine, theirs in ((self.bids, event.bids), (self.asks, event.asks)):
                mine.update(theirs)

                for ticks in [ticks for ticks, lots in mine.items() if not lots]:
                    del mine[ticks]

    def reset(self, bids: dict[str, str], asks: dict[str, str]) -> None:
        """Begin with a whole book."""
        sides = [[Level(price=price, size=size) for price, size in side.items()] for side in (bids, asks)]
        self.take(self.book.reset(Book(bids=sides[0], asks=sides[1]), 5))

    def bid(self, price: str, size: str) -> None:
        """A change of a bid."""
        self.take(self.book.offer([BookUpdate(bids=[(price, size)])], 6))

    def ask(self, price: str, size: str) -> None:
        """A change of an ask."""
        self.take(self.book.offer([BookUpdate(asks=[(price, size)])], 6))


def test_of_two_levels_that_cross_the_newer_is_shown() -> None:
    """A bid comes above an ask whose removal is still under way."""
    shown = Shown()
    shown.reset({"99": "1", "98": "1"}, {"101": "1", "102": "1"})
    shown.bid("101", "0.5")

    assert shown.bids == {101: 5000, 99: 10_000, 98: 10_000}
    assert shown.asks == {102: 10_000}
    shown.ask("101", "0")
    assert shown.asks == {102: 10_000}


def test_a_level_that_was_not_shown_comes_back() -> None:
    """What crossed it was gone again; the venue has never taken it off."""
    shown = Shown()
    shown.reset({"99": "1"}, {"101": "2", "102": "1"})
    shown.bid("101", "0.5")
    shown.bid("101", "0")

    assert shown.bids == {99: 10_000}
    assert shown.asks == {101: 20_000, 102: 10_000}


def test_an_ask_below_the_bids_takes_the_older_ones_out_of_sight() -> None:
    """As many as it crosses."""
    shown = Shown()
    shown.reset({"99": "1", "98": "1", "97": "1"}, {"101": "1"})
    shown.ask("98", "3")

    assert shown.bids == {97: 10_000}
    assert shown.asks == {98: 30_000, 101: 10_000}


def test_no_book_that_is_shown_is_ever_crossed() -> None:
    """Whatever comes, and at the end all levels are there that do not cross."""
    chance = Random(7)  # noqa: S311  # a book, nothing to keep secret

    for _ in range(30):
        shown = Shown()
        shown.reset({"95": "1"}, {"105": "1"})

        for _ in range(200):
            price, size = str(chance.randrange(90, 111)), str(chance.choice((0, 0, 1, 2, 3)))
            (shown.bid if chance.random() < 0.5 else shown.ask)(price, size)
            assert not shown.bids or not shown.asks or max(shown.bids) < min(shown.asks)

        for price in range(90, 111):
            shown.ask(str(price), "0")

        before = dict(shown.bids)
        shown.bid("80", "1")
        assert shown.bids == {**before, 80: 10_000}
        assert not shown.asks
