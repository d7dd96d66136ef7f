"""Exits that ended without being done: when each is sent again. No quote timer has a say here."""

from __future__ import annotations

from collections.abc import Mapping

from perpmaker.exits.memory import Failed
from perpmaker.model.order import Slot
from perpmaker.state.view import End, SlotEnd, View

EXIT_RETRY_S = (0.0, 0.25, 0.5, 1.0, 2.0)
"""At once, then slower, the last without end."""

MARKET_AFTER_S = 2.0
"""After so long without success an exit that the market has passed goes to market."""

NEW_SERIES_S = 10.0
"""A failure this long after the last one is a new story."""


def track(view: View, known: Mapping[Slot, Failed]) -> Mapping[Slot, Failed]:
    """Return what is known of failed exits after the newest ends. The same object when nothing is new.

    One that was filled, or taken off because another is wanted, had worked: the failures before it are over.
    """
    news: dict[Slot, Failed] = {}
    over: set[Slot] = set()

    for slot, end in view.ended.items():
        failed = known.get(slot)

        if end.end.is_meant:
            if failed is not None:
                over.add(slot)

        elif slot.kind.is_exit and (failed is None or failed.client_id != end.client_id):
            news[slot] = _fail(end, failed, is_latest=not _is_followed(view, slot, end))

    if not news and not over:
        return known

    return {**{slot: failed for slot, failed in known.items() if slot not in over}, **news}


def waits_until(view: View, failed: Failed | None) -> float | None:
    """Return when a failed exit may be sent again, if that is not yet."""
    return failed.back_at if failed is not None and view.now < failed.back_at else None


def is_out_of_patience(view: View, failed: Failed | None) -> bool:
    """Return whether the exit has been failing for long enough to go to market."""
    return failed is not None and has_lost_patience(view, failed) and view.now - failed.back_at <= NEW_SERIES_S


def has_lost_patience(view: View, failed: Failed | None) -> bool:
    """Return whether the exit has been failing for so long, however long ago that was: nothing has worked since."""
    return failed is not None and view.now >= failed.since + MARKET_AFTER_S


def _is_followed(view: View, slot: Slot, end: SlotEnd) -> bool:
    """Return whether a later exit of the slot is under way, whose own failure is the next one that counts."""
    live = view.orders.get(slot)

    return live is not None and end.refusal is None and live.sent_at > end.sent_at


def _fail(end: SlotEnd, before: Failed | None, *, is_latest: bool) -> Failed:
    """The next step of the schedule; the moment at which patience ends is not slept through.

    The end of one that another has followed (`is_latest` false) is told late, and keeps nobody waiting.
    """
    fresh = before is None or end.at - before.back_at > NEW_SERIES_S
    times = 1 if fresh or before is None else before.times + 1
    since = end.at if fresh or before is None else before.since
    # The proof that an order never was has taken longer than any step of the schedule.
    is_told_late = end.end is End.NEVER_WAS or not is_latest
    back_at = end.at if is_told_late else end.at + EXIT_RETRY_S[min(times, len(EXIT_RETRY_S)) - 1]
    patience_at = since + MARKET_AFTER_S

    if end.at < patience_at < back_at:
        back_at = patience_at

    if end.refusal is not None:  # where the venue said for how long, nothing is gained by an earlier try
        back_at = max(back_at, end.at + end.refusal.retry_after_s)

    return Failed(client_id=end.client_id, times=times, since=since, back_at=back_at)
