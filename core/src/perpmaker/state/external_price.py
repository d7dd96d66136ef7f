"""Whether an external price may be used at all: its numbers, and its time, which is the source's word and no truth."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

import attrs

from perpmaker.model.event import ReferenceChanged

AHEAD_S = 1.0
"""Seconds that the time of an external price may lie in the future: it counts as now."""

OTHER_CLOCK_S = 86_400.0
"""A price that says it is a day old is not stale: it was dated by another clock."""

_PRICES = ("bid", "ask", "last", "price")


@attrs.frozen
class WrongWord:
    """Why a word is no price. `is_mistake`: of a kind that only the plugin's author can mend (a type, a clock)."""

    text: str
    is_mistake: bool


def wrong_word(word: ReferenceChanged, now: float) -> WrongWord | None:
    """What is wrong with a price source's word at `now` (engine's clock); None when it may be used."""
    return _wrong_time(word.at, now) or _wrong_doubt(word) or _wrong_number(word)


def clamped(word: ReferenceChanged, now: float) -> ReferenceChanged:
    """The same word, which is not from the future."""
    return word if word.at <= now else attrs.evolve(word, at=now)


def usable(word: ReferenceChanged, now: float) -> ReferenceChanged:
    """The word as it may be folded: dated now at the latest, and without a price where it has none to trust."""
    wrong = wrong_word(word, now)

    if wrong is None:
        return clamped(word, now)

    return ReferenceChanged(doubt=wrong.text, at=min(word.at, now) if wrong.text is word.doubt else now)


def _wrong_time(at: object, now: float) -> WrongWord | None:
    if not isinstance(at, (int, float)) or isinstance(at, bool):
        return WrongWord(f"the time of its price is {at!r:.40}, no number of seconds", is_mistake=True)

    if not isfinite(at):
        return WrongWord(f"the time of its price is {at}", is_mistake=True)

    if at > now + AHEAD_S or at < now - OTHER_CLOCK_S:
        way = "ahead of" if at > now else "behind"
        text = f"the time of its price is {abs(at - now):.0f} s {way} now: `at` is read from context.clock.now()"

        return WrongWord(text, is_mistake=True)

    return None


def _wrong_doubt(word: ReferenceChanged) -> WrongWord | None:
    doubt: object = word.doubt

    if not isinstance(doubt, str):
        return WrongWord(f"its doubt is {doubt!r:.40}, no text", is_mistake=True)

    return WrongWord(doubt, is_mistake=False) if doubt else None


def _wrong_number(word: ReferenceChanged) -> WrongWord | None:
    for name in _PRICES:
        value: object = getattr(word, name)

        if value is None:
            continue

        if not isinstance(value, Decimal):
            return WrongWord(f"its {name} is {value!r:.40} ({type(value).__name__}), no Decimal", is_mistake=True)

        if not value.is_finite() or value <= 0:
            return WrongWord(f"its {name} is {value}, no price", is_mistake=False)

    return None
