"""What streams are made of: changes of the book, rhythms, events held back, the venue's clock, numbers as text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import attrs
import pytest

from perpmaker.model.instrument import Instrument
from perpmaker.simulation.event import LevelsChanged
from perpmaker.venue.sandbox import (
    BookChanges,
    HeldEvents,
    HmacChecker,
    Notation,
    Rhythms,
    VenueClock,
    VenueOptions,
    Window,
    find_checker,
    natural,
    parse_options,
    rounded,
)


def changed(update_id: int, bids: Mapping[int, int], asks: Mapping[int, int]) -> LevelsChanged:
    """Levels that changed."""
    return LevelsChanged(update_id=update_id, bids=tuple(bids.items()), asks=tuple(asks.items()), now_ms=update_id)


def test_changes_of_the_book_are_gathered_with_what_levels_hold_at_last() -> None:
    """The best first; a level that is gone is sent, one that changed back too."""
    changes = BookChanges(5)
    changes.note(changed(6, {10: 1, 11: 2}, {20: 3}))
    changes.note(changed(7, {10: 0}, {19: 1, 20: 3}))

    assert (changes.previous_id, changes.newest_id, changes.changed_ms) == (5, 7, 7)
    assert changes.bids == ((11, 2), (10, 0))
    assert changes.asks == ((19, 1), (20, 3))

    changes.begin_next()

    assert (changes.previous_id, changes.bids, changes.asks) == (7, (), ())


def test_rhythms_are_kept_with_the_venue_s_seconds() -> None:
    """What was missed while nobody looked is done once."""
    done: list[str] = []
    rhythms = Rhythms(950)
    rhythms.add(100, lambda: done.append("fast"))
    rhythms.add(1000, lambda: done.append("slow"))

    for now_ms in (990, 1000, 1001, 1450, 2000):
        rhythms.tick(now_ms)

    assert done == ["fast", "slow", "fast", "fast", "slow"]


@pytest.mark.parametrize("seed", range(5))
def test_kinds_of_events_overtake_each_other_and_events_of_a_kind_do_not(seed: int) -> None:
    """None waits longer than the most, except behind one of its kind."""
    sent: list[tuple[str, Any]] = []
    now = [0]
    held = HeldEvents(lambda kind, event: sent.append((kind, event["n"])), Random(seed), 50, lambda: now[0])  # noqa: S311

    for number in range(40):
        now[0] = number
        held.tick(number)
        held.put("ab"[number % 2], {"n": number})

    held.tick(40 + 50)

    assert [number for kind, number in sent if kind == "a"] == list(range(0, 40, 2))
    assert [number for kind, number in sent if kind == "b"] == list(range(1, 40, 2))
    assert [number for _, number in sent] != list(range(40))


def test_without_a_race_an_event_is_sent_at_once() -> None:
    """In its order."""
    sent: list[Any] = []
    held = HeldEvents(lambda _, event: sent.append(event), Random(0), 0, lambda: 0)  # noqa: S311  # of a test
    held.put("a", {"n": 1})

    assert sent == [{"n": 1}]


class Clock:
    """A clock that a test sets."""

    ms = 1_000

    def now(self) -> float:
        """Not asked for."""
        raise AssertionError

    def utc_ms(self) -> int:
        """Milliseconds."""
        return self.ms


def test_the_venue_s_clock_is_ahead_and_the_exchange_s_never_goes_back() -> None:
    """0 is never, in both."""
    clock = Clock()
    venue = VenueClock(clock, 300)

    assert (venue.now_ms(), venue.server_ms()) == (1_000, 1_300)
    assert (venue.shown_ms(500), venue.exchange_ms(800)) == (800, 500)
    assert (venue.shown_ms(0), venue.exchange_ms(0)) == (0, 0)

    clock.ms = 900

    assert venue.now_ms() == 1_000


def test_a_window_is_over_one_millisecond_after_its_end() -> None:
    """Its last one counts."""
    window = Window(timestamp_ms=1_000, length_ms=50)

    assert [window.is_over(at) for at in (1_000, 1_050, 1_051)] == [False, False, True]


def test_a_signature_is_checked_with_the_key_s_own_checker() -> None:
    """RFC 4231, test case 2; upper case is as good."""
    checkers = {"k": HmacChecker("Jefe")}
    checker = find_checker(checkers, "k")
    signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert checker is not None
    assert checker.accepts(b"what do ya want for nothing?", signature)
    assert checker.accepts(b"what do ya want for nothing?", signature.upper())
    assert not checker.accepts(b"what do ya want for something?", signature)
    assert not checker.accepts(b"what do ya want for nothing?", "\u00e9")
    assert find_checker(checkers, "K") is None
    assert "Jefe" not in repr(checkers)


def test_numbers_are_written_to_the_market_s_digits(instrument: Instrument) -> None:
    """A tick of 0.5 needs one digit, a lot of 0.01 two; the venue may show more of a price."""
    few, more = Notation(instrument), Notation(instrument, further_digits=1)

    assert (few.price(201), more.price(201), few.price(None)) == ("100.5", "100.50", "0.0")
    assert (few.amount(7), few.levels(((200, 5),))) == ("0.07", [("100.0", "0.05")])
    assert few.average(Decimal(100) / 3) == "33.3333"
    assert rounded(Decimal("0.000000125")) == "0.00000012"


@attrs.frozen(kw_only=True)
class Own:
    """What this venue has besides."""

    own_ms: int = attrs.field(default=1, validator=natural)


def test_options_of_every_venue_and_of_this_one_stand_in_one_table() -> None:
    """Each goes where it belongs."""
    assert parse_options({"own_ms": 2, "race_ms": 3}, Own) == (VenueOptions(race_ms=3), Own(own_ms=2))


@pytest.mark.parametrize(
    "options",
    [
        {"other": 1},
        {"own_ms": -1},
        {"socket_life_s": 0},
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                {"own_ms": True},
                {"read_lag_ms": "1"},
                {"rhythm_ms": 0},
            )
        ),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_named(options: dict[str, Any]) -> None:
    """Unknown, of another kind, or out of its range."""
    with pytest.raises(ValueError, match=next(iter(options))):
        parse_options(options, Own)
