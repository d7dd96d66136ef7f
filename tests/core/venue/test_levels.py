"""Levels of a market, from text to ticks and lots."""

from __future__ import annotations

import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.instrument import Instrument
from perpmaker.venue import LevelTranslator


def test_levels_are_ticks_and_lots_in_the_order_given(instrument: Instrument) -> None:
    """The same number written in several ways is the same number of steps."""
    levels = LevelTranslator(instrument).translate([("100.5", "0.02"), ("100.50", "2"), ("1e2", "0"), ("3", "0.01")])

    assert levels == ((201, 2), (201, 200), (200, 0), (6, 1))


@pytest.mark.parametrize(
    "level",
    [
        ("100.25", "1"),
        ("0", "1"),
        ("nan", "1"),
        ("1", "-0.01"),
        ("1", "inf"),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                ("-1", "1"),
                ("", "1"),
                ("٣", "1"),
            )
        ),
    ],
)
def test_a_level_off_the_tick_or_no_number_is_refused(instrument: Instrument, level: tuple[str, str]) -> None:
    """A price that is no multiple of the tick, not positive or not finite never becomes a level; nor such an amount."""
    with pytest.raises(PayloadError):
        LevelTranslator(instrument).translate([level])


def test_an_amount_between_two_lots_counts_in_whole_lots(instrument: Instrument) -> None:
    """Orders of other people may have been placed with smaller lots."""
    assert LevelTranslator(instrument).translate([("1", "0.029"), ("2", "0.001")]) == ((2, 2), (4, 0))


def test_the_cache_of_texts_is_bounded(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    """A market that wanders for weeks does not fill the memory."""
    monkeypatch.setattr("perpmaker.venue.levels._CACHE_SIZE", 10)
    levels = LevelTranslator(instrument)

    for price in range(1, 100):
        assert levels.translate([(str(price), "1")]) == ((price * 2, 100),)

    assert len(levels._ticks) <= 10


def test_exact_amounts_must_be_multiples_of_the_lot(instrument: Instrument) -> None:
    """What lies between may be of another market."""
    levels = LevelTranslator(instrument, exact_amounts=True)

    assert levels.translate([("1", "0.02")]) == ((2, 2),)

    with pytest.raises(PayloadError, match="not a multiple of the lot"):
        levels.translate([("1", "0.029")])
