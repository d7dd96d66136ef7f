"""Tells a person of exits that the venue does not take: at once, after 2 s and 10 s, and then each minute."""

from __future__ import annotations

from collections.abc import Container, Iterator

import attrs

from perpmaker.decision.notices import size_of
from perpmaker.model.order import OrderKind, OrderStatus, Slot
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.state import State
from perpmaker.state.view import End, SlotEnd

TELL_AFTER_S = (2.0, 10.0)
"""Seconds without the exit after which it is told again; after the last one, each `EACH_S`."""

EACH_S = 60.0

_NO_ANSWER = "no answer: it is not known yet whether the venue has it"


@attrs.define(kw_only=True)
class _Missing:
    """An exit that the venue does not take: since when, how often it failed, why, and when that is told next."""

    since: float
    next_at: float
    why: str = ""
    times: int = 0
    told: set[str] = attrs.field(factory=set)


class ExitRefusals:
    """Follows each exit from its first refusal until the venue has it, or until there is no position any more."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._missing: dict[Slot, _Missing] = {}
        self._unanswered: set[str] = set()
        """Client ids of exits without an answer that are told, or that another one in their slot has replaced."""

    @property
    def is_watching(self) -> bool:
        """Whether an exit is missing, or was not answered."""
        return bool(self._missing or self._unanswered)

    def ended(self, slot: Slot, end: SlotEnd, now: float) -> Iterator[str]:
        """Take in how an exit ended; a line for a refusal whose words are new."""
        is_other_there = end.refusal is not None and end.refusal.reason is RefusalReason.STOP_EXISTS

        if end.end.is_meant or is_other_there:  # that one is told with what rests in its place
            self._missing.pop(slot, None)
        elif end.end is End.REFUSED and end.refusal is not None:
            lines = list(self._failed(slot, words_of(end.refusal), now, wait_s=end.refusal.retry_after_s))

            # Nothing to reduce: the position was most likely closed in that moment, and its report is on its way. If it
            # is still open after 2 s, `due` tells that it lacks its exit, with this refusal.
            if end.refusal.reason is not RefusalReason.REDUCE_ONLY:
                yield from lines

    def due(self, now: float) -> Iterator[str]:
        """The lines whose time has come; what the venue has by now is not missing any more."""
        live = self._state.orders.live
        unknown = [
            record.working
            for record in live.values()
            if record.working.status.is_unknown and not record.known and record.working.slot.kind.is_exit
        ]

        if self._unanswered:
            self._unanswered &= live.keys()

        resting = self._resting() if self._missing or unknown else frozenset()
        self._look(resting)

        for order in unknown:
            if order.client_id not in self._unanswered:
                self._unanswered.add(order.client_id)

                if order.slot not in resting:
                    yield from self._failed(order.slot, _NO_ANSWER, now)

        for slot, missing in self._missing.items():
            if now >= missing.next_at:
                missing.next_at = _next(missing, now)
                often = "once" if missing.times == 1 else f"{missing.times} times"
                yield (
                    f"{self._position(slot)} without its {name_of(slot.kind)} for {now - missing.since:.0f} s: "
                    f"it failed {often}, the last time with {missing.why}"
                )

    def next_at(self, now: float) -> float | None:
        """When the next line is due."""
        if not self._missing:
            return None

        return max(now, min(missing.next_at for missing in self._missing.values()))

    def _resting(self) -> frozenset[Slot]:
        """The slots of which the venue has an order."""
        return frozenset(
            record.working.slot
            for record in self._state.orders.live.values()
            if record.working.status in {OrderStatus.OPEN, OrderStatus.CANCELLING}
        )

    def _look(self, resting: Container[Slot]) -> None:
        """Forget the exits that rest by now, and those of positions that are gone."""
        if self._missing:
            self._missing = {
                slot: missing
                for slot, missing in self._missing.items()
                if slot not in resting and self._state.is_open(slot.position_side)
            }

    def _failed(self, slot: Slot, why: str, now: float, *, wait_s: float = 0.0) -> Iterator[str]:
        if not self._state.is_open(slot.position_side):
            return

        missing = self._missing.setdefault(slot, _Missing(since=now, next_at=now + TELL_AFTER_S[0]))
        missing.times += 1
        missing.why = why
        is_news = why not in missing.told
        missing.told.add(why)

        if not is_news or slot.kind is OrderKind.VENUE_STOP:  # that one is told with what protects meanwhile
            return

        when = f"the venue takes nothing for {wait_s:.0f} s, then it is sent again" if wait_s else "it is sent again"
        yield f"{self._position(slot)} without its {name_of(slot.kind)}: {why}; {when}"

    def _position(self, slot: Slot) -> str:
        """The position as a person says it: `long 1 BTC`."""
        return size_of(self._state.positions()[slot.position_side], self._state.instrument)


def words_of(refusal: Refusal) -> str:
    """A refusal by the venue's own code and words."""
    code = f"{refusal.code}: " if refusal.code else ""

    return f"refused ({code}{refusal.text or refusal.reason.value})"


def name_of(kind: OrderKind) -> str:
    """What an exit is called in a line; a loss is not to be overlooked."""
    return kind.words.upper() if kind is OrderKind.STOP_LOSS else kind.words


def _next(missing: _Missing, now: float) -> float:
    after = [missing.since + seconds for seconds in TELL_AFTER_S if missing.since + seconds > now]

    return after[0] if after else missing.since + EACH_S * ((now - missing.since) // EACH_S + 1)
