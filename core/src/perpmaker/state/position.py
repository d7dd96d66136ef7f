"""One position, kept from fills at once and from the venue's reports with care.

The position is an anchor (the newest report taken over) and the fills after it, in the venue's order. Fills and
reports of the same event travel on different messages, in either order, and share a millisecond:

- a report older than what is known is ignored;
- a report strictly newer than the last applied fill is the truth: it becomes the anchor, and fills up to its time
  that arrive later are booked elsewhere but not applied again;
- a report of the same millisecond as the last applied fill that says something else is only a doubt: the fill or the
  report that explains it is usually on its way. A doubt that stays asks for a resync;
- a read that finds no position may be dated earlier than it was true, since a flat position has no time of its own:
  fills dated later may be contained in it already.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import attrs

from perpmaker.model.position import Position

ENTRY_TOLERANCE = Decimal("0.000001")
"""Relative difference of an average entry that is the venue's rounding and not news."""

_REMEMBERED = 256


@attrs.frozen
class Step:
    """One applied fill: the venue's time, the signed amount in base, the price."""

    venue_ms: int
    amount: Decimal
    price: Decimal


def moved(position: Position, step: Step) -> Position:
    """The position after a fill: the entry averages when it grows, stays when it shrinks, restarts when it flips.

    An entry that the venue has not told, 0, stays unknown as long as the position lasts.
    """
    before, after = position.amount, position.amount + step.amount

    if after == 0:
        entry = Decimal(0)
    elif before == 0 or (before > 0) != (after > 0):
        entry = step.price
    elif abs(after) > abs(before) and position.entry > 0:
        entry = (before * position.entry + step.amount * step.price) / after
    else:
        entry = position.entry

    return attrs.evolve(
        position,
        amount=after,
        entry=entry,
        venue_ms=max(position.venue_ms, step.venue_ms),
        liquidation=position.liquidation if after else None,
    )


class TrackedPosition:
    """One side's position. `doubt_since` is when a report began to contradict the fills, None while none does.

    `external` is the part of taken-over reports that no fill has explained yet, since `external_since`.
    """

    def __init__(self, flat: Position) -> None:
        self.now = flat
        self.doubt_since: float | None = None
        self.external = Decimal(0)
        self.external_since: float | None = None
        self._anchor = flat
        self._anchor_ms = -1
        self._is_blurred = False  # whether the anchor is a read without a time of its own
        self._steps: deque[Step] = deque()
        self._doubted: Decimal | None = None

    def fill(self, step: Step) -> None:
        """Apply a fill at once, unless a report taken over contains it already."""
        if step.venue_ms <= self._anchor_ms or self._is_contained(step):
            self._explain(step.amount)
            return

        late = bool(self._steps) and step.venue_ms < self._steps[-1].venue_ms
        self._steps.append(step)

        if late:
            self._rebuild()
        else:
            self.now = moved(self.now, step)

        if len(self._steps) > _REMEMBERED:
            self._anchor = moved(self._anchor, self._steps.popleft())

        if self._doubted is not None and self.now.amount == self._doubted:
            self._trust()

    def report(self, report: Position, now: float) -> None:
        """Take the venue's word on the position, by the rules of the module."""
        last_ms = self._steps[-1].venue_ms if self._steps else -1

        if report.venue_ms < max(last_ms, self._anchor_ms):
            return

        if report.amount == self.now.amount:
            self._confirm(report, newer=report.venue_ms > last_ms)
        elif report.venue_ms > last_ms:
            self._take_over(report, report.venue_ms, now)
        else:
            self._doubted = report.amount
            self.doubt_since = now if self.doubt_since is None else self.doubt_since

    def resync(self, report: Position, read_ms: int, now: float) -> None:
        """Take the answer to a resync: true as of the position's own time, or of the read where it has none.

        Fills after that time stay on top of it, unless it agrees with them already. An answer that is older than a
        report taken over before is late news.
        """
        as_of = report.venue_ms or read_ms

        if as_of < self._anchor_ms:
            return

        if report.amount == self.now.amount:
            dated = attrs.evolve(report, venue_ms=as_of)
            self._confirm(dated, newer=as_of > (self._steps[-1].venue_ms if self._steps else -1))
            return

        later = [step for step in self._steps if step.venue_ms > as_of]
        self._anchor = report
        self._anchor_ms = as_of
        self._is_blurred = report.amount == 0
        self._steps = deque(later)
        before = self.now.amount
        self._rebuild()
        self._trust()
        self._mark_external(self.now.amount - before, now)

    def settle(self) -> Decimal:
        """Hand out, once, the change that no fill has explained."""
        external, self.external, self.external_since = self.external, Decimal(0), None

        return external

    def _confirm(self, report: Position, *, newer: bool) -> None:
        self._trust()
        entry = report.entry or self.now.entry

        if abs(entry - self.now.entry) <= ENTRY_TOLERANCE * abs(entry):
            entry = self.now.entry

        self.now = attrs.evolve(
            report, entry=entry, liquidation=report.liquidation or (self.now.liquidation if report.amount else None)
        )

        if newer:
            self._anchor, self._anchor_ms, self._is_blurred = self.now, report.venue_ms, False
            self._steps.clear()

    def _take_over(self, report: Position, as_of: int, now: float) -> None:
        self._mark_external(report.amount - self.now.amount, now)
        self.now = self._anchor = report
        self._anchor_ms, self._is_blurred = as_of, False
        self._steps.clear()
        self._trust()

    def _is_contained(self, step: Step) -> bool:
        """Whether a fill explains why a read found no position, so that it is in that answer already."""
        return (
            self._is_blurred
            and not self._steps
            and self.external * step.amount > 0
            and abs(step.amount) <= abs(self.external)
        )

    def _mark_external(self, change: Decimal, now: float) -> None:
        if change:
            self.external += change
            self.external_since = now if self.external else None

    def _explain(self, amount: Decimal) -> None:
        if self.external:
            self.external -= amount
            self.external_since = self.external_since if self.external else None

    def _trust(self) -> None:
        self.doubt_since = None
        self._doubted = None

    def _rebuild(self) -> None:
        ordered = sorted(self._steps, key=lambda step: step.venue_ms)
        self._steps = deque(ordered)
        self.now = self._anchor

        for step in ordered:
            self.now = moved(self.now, step)
