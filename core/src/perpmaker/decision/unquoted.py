"""Why nothing is quoted: a short reason and since when, for the live line, and a line when it lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.decision.exit_refusals import words_of
from perpmaker.decision.notices import plain
from perpmaker.model.quote import Reason, Rule, Wanted
from perpmaker.risk.interface import Refused
from perpmaker.state.state import State
from perpmaker.state.view import Mode

LASTS_S = 10.0
"""Seconds without any quote after which the reason is told in a line."""

_MEANT = frozenset({Rule.FILLED_DELAY, Rule.HOLD, Rule.STOPPED, Rule.MODE})
"""Pauses that the strategy is meant to make, and modes: these are told elsewhere."""


@attrs.frozen(kw_only=True)
class Unquoted:
    """Why no quote of ours rests, and since when (engine's clock).

    `short` is the reason in as few words as the live line has room for, empty where the mode says it; `until` is when
    it ends by itself, if that is known.
    """

    reason: str
    since: float
    short: str = ""
    until: float | None = None


@attrs.frozen
class _Why:
    """The deciding reason: `key` tells one from another, whatever the numbers in it; `is_meant`: no line of its own."""

    key: str
    words: str
    is_meant: bool = False
    short: str = ""
    until: float | None = None


@attrs.frozen(kw_only=True)
class _Decided:
    """What the newest decision came to that left nothing resting, and since when nothing rests."""

    mode: Mode
    mode_reason: str
    wanted: Wanted
    refused: Sequence[Refused]
    since: float


class UnquotedWatch:
    """Watches whether any quote rests. Why none does is worked out when it is asked for."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._told: set[str] = set()
        self._decided: _Decided | None = None

    @property
    def now(self) -> Unquoted | None:
        """The value for the live line, None while something is quoted."""
        decided = self._decided
        why = None if decided is None else self._why(decided)

        if decided is None or why is None:
            return None

        return Unquoted(reason=why.words, since=decided.since, short=why.short, until=why.until)

    def see(
        self, mode: Mode, mode_reason: str, wanted: Wanted, refused: Sequence[Refused], now: float
    ) -> Sequence[str]:
        """Take in one decision; the line when it is time for it."""
        if self._state.orders.outlook().is_quoted:
            self._decided = None
            self._told.clear()
            return ()

        since = now if self._decided is None else self._decided.since
        decided = _Decided(mode=mode, mode_reason=mode_reason, wanted=wanted, refused=refused, since=since)
        self._decided = decided
        why = self._why(decided) if now >= since + LASTS_S else None

        if why is not None and not why.is_meant and why.key not in self._told:
            self._told.add(why.key)
            return (f"no quotes for {now - since:.0f} s: {why.words}",)

        return ()

    def next_at(self, now: float) -> float | None:
        """When the line is due, should nothing be quoted until then."""
        at = None if self._decided is None else self._decided.since + LASTS_S

        return at if at is not None and at > now else None

    def _why(self, decided: _Decided) -> _Why | None:
        """The reason that decides; None where nothing is in the way."""
        return (
            _mode(decided.mode, decided.mode_reason)
            or self._refused_by_venue(decided.wanted)
            or _withheld(decided.wanted, decided.refused)
        )

    def _refused_by_venue(self, wanted: Wanted) -> _Why | None:
        """What the venue said to the quotes that are wanted and do not rest, or that wait because it did."""
        waiting = [one.slot for one in wanted.withheld if one.reasons and one.reasons[-1].rule is Rule.VANISHED]
        slots = [*(quote.slot for quote in wanted.quotes), *waiting]
        ends = [self._state.orders.endings.by_slot.get(slot) for slot in slots]
        refusals = [end.refusal for end in ends if end is not None and end.refusal is not None]

        if refusals:
            words = words_of(refusals[0])

            return _Why(key=refusals[0].code or words, words=f"the venue {words}", short=f"the venue {words}")

        if wanted.quotes and self._state.orders.is_blocked:
            unknown = "the outcome of an order is not known"

            return _Why(key="unknown", words=unknown, short=unknown)

        return None


def _mode(mode: Mode, reason: str) -> _Why | None:
    if mode is Mode.RUN:
        return None

    return _Why(key=mode.value, words=f"{mode.value}{f': {reason}' if reason else ''}", is_meant=True)


def _withheld(wanted: Wanted, refused: Sequence[Refused]) -> _Why | None:
    """The reason that most levels have in common: of the strategy's own, then of the risk modules."""
    levels = [one for one in wanted.withheld if one.reasons]

    if not wanted.quotes and levels:
        first = Counter(one.reasons[-1].rule for one in levels).most_common(1)[0][0]
        alike = [one for one in levels if one.reasons[-1].rule is first]
        words = _reason_words(alike[0].reasons[-1])
        until = min([one.until for one in alike if one.until is not None], default=None)

        return _Why(key=first.value, words=words, is_meant=first in _MEANT, short=first.value, until=until)

    if refused:
        words = f"{refused[0].module}: {refused[0].reason}"

        return _Why(key=refused[0].module, words=words, short=words)

    return None


def _reason_words(reason: Reason) -> str:
    value = f" ({plain(reason.value)})" if isinstance(reason.value, Decimal) else ""

    return f"{reason.rule.value}: {reason.text}{value}"
