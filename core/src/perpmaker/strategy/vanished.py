"""Levels whose order ended without a fill and without our asking: when each may be placed again."""

from __future__ import annotations

from collections.abc import Mapping

from perpmaker.model.order import OrderKind, Slot
from perpmaker.model.refusal import RefusalReason
from perpmaker.state.view import End, SlotEnd, View
from perpmaker.strategy.memory import Vanished

BACK_OFF_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""The first time at once, then doubling: never more than 6 in a minute."""

VANISHED_CALM_S = 60.0
"""A level whose order lasted this long begins from the start of the schedule again."""

RULE_S = 60.0
"""A level that the venue took off by a rule of its own (self-match prevention, say) rests for so long."""

AT_ONCE = frozenset({RefusalReason.POST_ONLY_WOULD_TAKE})
"""Refusals that the next price may cure; any other refusal is not repeated before a second has passed."""


def track(view: View, known: Mapping[Slot, Vanished], refresh_s: float) -> Mapping[Slot, Vanished]:
    """Return what is known of vanished levels after the newest ends. The same object when nothing is new."""
    news: dict[Slot, Vanished] = {}

    for slot, end in view.ended.items():
        if not end.end.is_meant and slot.kind is OrderKind.QUOTE:
            before = known.get(slot)

            if before is None or before.client_id != end.client_id:
                news[slot] = _vanish(end, before, refresh_s)

    return {**known, **news} if news else known


def _vanish(end: SlotEnd, before: Vanished | None, refresh_s: float) -> Vanished:
    """The next step of the schedule. An unexplained end counts as a person's wish: one refresh time of rest."""
    times = 1 if before is None or end.at - before.at > VANISHED_CALM_S else before.times + 1
    step = times - 1

    if end.end is End.REFUSED and (end.refusal is None or end.refusal.reason not in AT_ONCE):
        step = times

    wait = BACK_OFF_S[min(step, len(BACK_OFF_S) - 1)]

    if end.end is End.RULE:
        wait = max(wait, RULE_S)

    if end.end is End.UNEXPLAINED:
        wait = max(wait, refresh_s)

    return Vanished(client_id=end.client_id, times=times, at=end.at, back_at=end.at + wait)
