"""The book of a made-up venue, under each of the three ways in which venues number their updates."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.venue import BookSync, LevelTranslator


def kinds(events: Sequence[MarketEvent]) -> list[str]:
    """The events' names."""
    return [type(event).__name__ for event in events]


@attrs.frozen
class Chained:
    """A dialect whose differences name the last update of the one before; its numbers have holes."""

    sync: BookSync

    def offer(self, first: int, last: int, previous: int, price: str = "100") -> list[str]:
        """One difference with one bid."""
        return kinds(self.sync.offer(first, last, previous, ((price, "1"),), (), venue_ms=last))

    def restore(self, last: int) -> list[str]:
        """A snapshot that was asked for."""
        return kinds(self.sync.restore(last, (("99", "1"),), (("101", "1"),), venue_ms=last))


@attrs.frozen
class Counted:
    """A dialect whose differences are ranges of numbers without holes."""

    sync: BookSync

    def offer(self, first: int, last: int) -> list[str]:
        """One difference with one bid."""
        return kinds(self.sync.offer(first, last, first - 1, (("100", "1"),), (), venue_ms=last))

    def restore(self, last: int) -> list[str]:
        """A snapshot that was asked for."""
        return kinds(self.sync.restore(last, (("99", "1"),), (("101", "1"),), venue_ms=last))


@attrs.frozen
class Streamed:
    """A dialect whose stream brings snapshots, and differences with one number each."""

    sync: BookSync

    def offer(self, number: int, price: str = "100") -> list[str]:
        """One difference with one bid."""
        return kinds(self.sync.offer(number, number, number - 1, ((price, "1"),), (), venue_ms=number))

    def reset(self, number: int, levels: Sequence[tuple[str, str]] = (("99", "1"),)) -> list[str]:
        """A snapshot of the stream."""
        return kinds(self.sync.reset(number, levels, (), venue_ms=number))


@pytest.fixture
def chained(instrument: Instrument) -> Chained:
    """A book that is not known yet."""
    return Chained(BookSync(LevelTranslator(instrument)))


@pytest.fixture
def counted(instrument: Instrument) -> Counted:
    """A book that is not known yet."""
    return Counted(BookSync(LevelTranslator(instrument), counts_updates=True))


@pytest.fixture
def streamed(instrument: Instrument) -> Streamed:
    """A book that is not known yet."""
    return Streamed(BookSync(LevelTranslator(instrument), counts_updates=True))


def test_chained_differences_join_their_snapshot(chained: Chained) -> None:
    """What the snapshot contains is left out, what reaches beyond it is applied."""
    assert [chained.offer(1, 5, 0), chained.offer(20, 30, 5)] == [[], []]
    assert chained.restore(25) == ["BookSnapshot", "BookChanged"]
    assert chained.offer(41, 44, 30) == ["BookChanged"]


def test_a_snapshot_between_two_chained_differences_joins(chained: Chained) -> None:
    """Numbers have holes: no difference contains the snapshot's number, and none is missing."""
    chained.offer(20, 30, 5)

    assert chained.restore(12) == ["BookSnapshot", "BookChanged"]


def test_a_snapshot_older_than_the_stream_is_wanted_anew(chained: Chained) -> None:
    """Between its last update and the first difference something is missing."""
    chained.offer(20, 30, 15)

    assert chained.restore(10) == []
    assert chained.sync.wants_snapshot


def test_a_chained_difference_that_follows_another_is_a_gap(chained: Chained) -> None:
    """The book is lost until a snapshot comes, and the difference is kept for it."""
    chained.restore(10)
    chained.offer(9, 12, 8)

    assert chained.offer(20, 30, 15) == ["BookLost"]
    assert chained.restore(25) == ["BookSnapshot", "BookChanged"]


def test_an_old_chained_difference_is_a_gap_unless_it_was_applied(chained: Chained) -> None:
    """With holes in the numbers, an old difference may be one that was never here."""
    chained.restore(10)
    chained.offer(9, 12, 8)

    assert chained.offer(9, 12, 8) == []
    assert chained.offer(5, 11, 4) == ["BookLost"]


def test_counted_differences_join_at_the_next_number(counted: Counted) -> None:
    """The difference that ends with the snapshot's update is in it; the next one continues it."""
    assert [counted.offer(5, 10), counted.offer(11, 12)] == [[], []]
    assert counted.restore(10) == ["BookSnapshot", "BookChanged"]
    assert counted.sync.last == 12


def test_a_counted_difference_may_begin_before_the_snapshot(counted: Counted) -> None:
    """Amounts are absolute: applying an update twice changes nothing."""
    counted.offer(8, 12)

    assert counted.restore(10) == ["BookSnapshot", "BookChanged"]


def test_a_counted_snapshot_that_does_not_reach_the_stream_is_wanted_anew(counted: Counted) -> None:
    """Number 11 is missing."""
    counted.offer(12, 13)

    assert counted.restore(10) == []
    assert counted.sync.wants_snapshot


def test_an_old_counted_difference_is_a_repetition(counted: Counted) -> None:
    """Without holes in the numbers it is known to be in the book, whoever has brought it."""
    counted.restore(10)
    counted.offer(8, 12)

    assert counted.offer(9, 12) == []
    assert counted.offer(3, 4) == []
    assert counted.offer(14, 15) == ["BookLost"]


def test_the_stream_s_own_snapshot_is_live_at_once(streamed: Streamed) -> None:
    """Nothing is asked for apart from the stream; a later snapshot replaces the book."""
    assert streamed.reset(7) == ["BookSnapshot"]
    assert [streamed.offer(8), streamed.reset(50), streamed.offer(51)] == [
        ["BookChanged"],
        ["BookSnapshot"],
        ["BookChanged"],
    ]


def test_no_difference_is_applied_before_the_first_snapshot(streamed: Streamed) -> None:
    """Nothing is known that it could change."""
    assert streamed.offer(8) == []
    assert streamed.sync.wants_snapshot


def test_numbers_that_begin_anew_are_a_new_book(streamed: Streamed) -> None:
    """A venue that was restarted counts from one again."""
    streamed.reset(1_000)

    assert [streamed.reset(1), streamed.offer(2)] == [["BookSnapshot"], ["BookChanged"]]


def test_a_snapshot_without_levels_is_no_market(streamed: Streamed) -> None:
    """The book is not empty but unknown, until the next snapshot."""
    streamed.reset(7)

    assert streamed.reset(1, ()) == ["BookLost"]
    assert streamed.sync.wants_snapshot
    assert streamed.offer(2) == []
    assert streamed.reset(3) == ["BookSnapshot"]


def test_a_book_with_one_empty_side_is_a_book(streamed: Streamed) -> None:
    """A side may be empty in a thin market."""
    assert streamed.reset(7, (("99", "1"),)) == ["BookSnapshot"]


def test_a_book_that_the_dialect_declares_lost_is_lost_once(streamed: Streamed) -> None:
    """A venue may say so itself."""
    streamed.reset(7)
    (lost,) = streamed.sync.lose("the venue restarts")

    assert lost == BookLost(reason="the venue restarts")
    assert streamed.sync.lose("again") == ()


def test_a_difference_that_cannot_be_read_shows_as_a_gap(streamed: Streamed) -> None:
    """It is not applied, so the next one does not follow."""
    streamed.reset(7)

    with pytest.raises(PayloadError):
        streamed.offer(8, price="100.3")

    assert streamed.offer(9) == ["BookLost"]


def test_a_snapshot_that_cannot_be_read_changes_nothing(streamed: Streamed) -> None:
    """The book stays as it was."""
    streamed.reset(7)

    with pytest.raises(PayloadError):
        streamed.reset(20, (("0.1", "1"),))

    assert streamed.offer(8) == ["BookChanged"]


def test_differences_that_wait_are_bounded(chained: Chained) -> None:
    """A snapshot that never comes does not fill the memory; what is left of the stream decides about the next one."""
    for number in range(1, 1_200):
        chained.offer(number, number, number - 1)

    assert chained.restore(100) == []
    assert chained.restore(300)[:2] == ["BookSnapshot", "BookChanged"]


def test_events_carry_ticks_lots_and_the_venue_s_time(instrument: Instrument) -> None:
    """What the core folds."""
    sync = BookSync(LevelTranslator(instrument))
    whole = sync.reset(1, (("100", "0.02"),), (("101", "1"),), venue_ms=5)
    changed = sync.offer(2, 3, 1, (), (("101.5", "0"),), venue_ms=6)

    assert whole == (BookSnapshot(bids=((200, 2),), asks=((202, 100),), venue_ms=5),)
    assert changed == (BookChanged((), ((203, 0),), 6),)


def test_a_snapshot_that_came_while_the_book_was_known_is_for_the_next_gap(chained: Chained) -> None:
    """A recorder may have asked before the gap showed."""
    chained.restore(10)
    chained.offer(9, 12, 8)

    assert chained.restore(19) == []
    assert chained.offer(20, 30, 18) == ["BookLost", "BookSnapshot", "BookChanged"]


def test_a_snapshot_of_no_use_leaves_its_reason(chained: Chained) -> None:
    """For people who read a recording."""
    chained.offer(20, 30, 15)
    chained.restore(10)

    assert "ends with update 10, and the differences after it begin at 20 only" in chained.sync.stale_reason


def test_how_many_differences_wait_is_the_dialect_s_choice(instrument: Instrument) -> None:
    """The oldest go first."""
    book = Chained(BookSync(LevelTranslator(instrument), max_pending=3))

    for number in range(1, 10):
        book.offer(number, number, number - 1)

    assert book.restore(5) == []
    assert book.restore(6) == ["BookSnapshot", "BookChanged", "BookChanged", "BookChanged"]
