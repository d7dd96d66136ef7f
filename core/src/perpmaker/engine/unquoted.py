"""Why nothing is quoted: a short reason and since when, for the live line, and a line when it lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

import attrs

from perpmaker.engine.exit_refusals import words_of
from perpmaker.engine.notice import plain
from perpmaker.model.order import OrderKind, OrderStatus, WorkingOrder
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
    """Why no quote of ours rests, in few words, and since when (engine's clock)."""

    reason: str
    since: float


@attrs.frozen
class _Why:
    """The deciding reason: `key` tells one from another, whatever the numbers in it; `is_meant`: no line of its own."""

    key: str
    words: str
    is_meant: bool = False


class UnquotedWatch:
    """Watches whether any quote rests. `now` is the value for the live line, None while something is quoted."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._told: set[str] = set()
        self._since: float | None = None
        self.now: Unquoted | None = None

    def see(
        self, mode: Mode, mode_reason: str, wanted: Wanted, refused: Sequence[Refused], now: float
    ) -> Iterator[str]:
        """Take in one decision; the line when it is time for it."""
        if any(_is_quoted(order) for order in self._state.orders.working()):
            self.now, self._since = None, None
            self._told.clear()
            return

        why = _mode(mode, mode_reason) or self._refused_by_venue(wanted) or _withheld(wanted, refused)
        self._since = now if self._since is None else self._since

        if why is None:
            self.now = None
            return

        self.now = Unquoted(reason=why.words, since=self._since)

        if not why.is_meant and now >= self._since + LASTS_S and why.key not in self._told:
            self._told.add(why.key)
            yield f"no quotes for {now - self._since:.0f} s: {why.words}"

    def next_at(self, now: float) -> float | None:
        """When the line is due, should nothing be quoted until then."""
        at = None if self._since is None else self._since + LASTS_S

        return at if at is not None and at > now else None

    def _refused_by_venue(self, wanted: Wanted) -> _Why | None:
        """What the venue said to the quotes that are wanted and do not rest, or that wait because it did."""
        waiting = [one.slot for one in wanted.withheld if one.reasons and one.reasons[-1].rule is Rule.VANISHED]
        slots = [*(quote.slot for quote in wanted.quotes), *waiting]
        ends = [self._state.orders.endings.by_slot.get(slot) for slot in slots]
        refusals = [end.refusal for end in ends if end is not None and end.refusal is not None]

        if refusals:
            words = words_of(refusals[0])

            return _Why(key=refusals[0].code or words, words=f"the venue {words}")

        if wanted.quotes and self._state.orders.is_blocked:
            return _Why(key="unknown", words="the outcome of an order is not known")

        return None


def _is_quoted(order: WorkingOrder) -> bool:
    return order.slot.kind is OrderKind.QUOTE and order.status in {OrderStatus.OPEN, OrderStatus.CANCELLING}


def _mode(mode: Mode, reason: str) -> _Why | None:
    if mode is Mode.RUN:
        return None

    return _Why(key=mode.value, words=f"{mode.value}{f': {reason}' if reason else ''}", is_meant=True)


def _withheld(wanted: Wanted, refused: Sequence[Refused]) -> _Why | None:
    """The reason that most levels have in common: of the strategy's own, then of the risk modules."""
    reasons = [one.reasons[-1] for one in wanted.withheld if one.reasons]

    if not wanted.quotes and reasons:
        first = Counter(reason.rule for reason in reasons).most_common(1)[0][0]
        reason = next(reason for reason in reasons if reason.rule is first)

        return _Why(key=first.value, words=_reason_words(reason), is_meant=first in _MEANT)

    if refused:
        return _Why(key=refused[0].module, words=f"{refused[0].module}: {refused[0].reason}")

    return None


def _reason_words(reason: Reason) -> str:
    value = f" ({plain(reason.value)})" if isinstance(reason.value, Decimal) else ""

    return f"{reason.rule.value}: {reason.text}{value}"
