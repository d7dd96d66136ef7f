"""One position, kept from fills at once and from the venue's reports with care.

The position is an anchor (the newest report taken over) and the fills after it, in the venue's order. Fills and
reports of the same event travel on different messages, in either order, and share a millisecond:

- a report older than what is known is ignored;
- a report strictly newer than the last applied fill is the truth: it becomes the anchor, and fills up to its time
  that arrive later are booked elsewhere but not applied again;
- a report of the same millisecond as the last applied fill that says something else is only a doubt: the fill or the
  report that explains it is usually on its way. A doubt that stays asks for a resync;
- a reading of the account is never dropped, whatever it is dated. One that says more than is believed is taken over at
  once, and its stop fires only once a second one agrees; one that says less than our fills do counts once a second
  one, asked for after it, agrees. Only one that was under way when a newer report came is late news: it is asked again;
- a read that finds no position may be dated earlier than it was true, since a flat position has no time of its own:
  fills dated later may be contained in it already;
- a fill that is dated before the anchor and that nothing in the anchor is left for makes the anchor's date doubtful.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import attrs

from perpmaker.model.position import Position
from perpmaker.state.step import Step, is_larger, moved, replayed

ENTRY_TOLERANCE = Decimal("0.000001")
"""Relative difference of an average entry that is the venue's rounding and not news."""

LAG_S = 2.0
"""A reading that was begun sooner after something had been told may not know of it yet."""

UNPROVEN_S = 10.0
"""How long a position that only one reading tells of is left to be confirmed before its stop may fire."""

EXPLAIN_S = 0.25
"""How long the fill that explains a position, or the report of it, may be on its way."""

POSITION_RETRY_S = 0.5
"""How soon a reading that came too late to say anything is asked for again."""

LARGER = (
    "the venue shows a larger {side} position than our fills make: it is read once more before its stop may fire; "
    "nothing needs to be done"
)

SMALLER = (
    "the venue shows a smaller {side} position than our fills make: it is read once more before that is believed; "
    "nothing needs to be done"
)

_REMEMBERED = 256


class TrackedPosition:
    """One side's position. `doubt_since` is when a report began to contradict the fills, None while none does.

    `external` is the part of taken-over reports that no fill has explained yet, since `external_since`; `swallowed`
    are fills that were taken for part of the anchor although nothing of it was left unexplained, since
    `swallowed_since`. `shrunk` is the smaller amount that one reading has told of. `adopted_at` is when a larger one
    was taken over that neither a fill nor a second reading has confirmed yet. `question` is what a reading has to
    settle, from `question_at` on, until somebody takes it.
    """

    def __init__(self, flat: Position) -> None:
        self.now = flat
        self.doubt_since: float | None = None
        self.external = Decimal(0)
        self.external_since: float | None = None
        self.swallowed_since: float | None = None
        self.shrunk: Decimal | None = None
        self.adopted_at: float | None = None
        self.question = ""
        self.question_at = 0.0
        self._has_begun = False
        self._swallowed = Decimal(0)
        self._shrunk_at = 0.0
        self._anchor = flat
        self._anchor_ms = -1
        self._anchor_at = float("-inf")  # when what the anchor says was true at the latest, by the engine's clock
        self._is_blurred = False  # whether the anchor is a read without a time of its own
        self._blurred_ms = -1  # when that read was asked for: fills of a history up to then are in it, most likely
        self._steps: deque[Step] = deque()
        self._doubted: Decimal | None = None

    def is_unproven(self, now: float) -> bool:
        """Whether only one reading, or one report, tells of the position as it is; not for longer than `UNPROVEN_S`."""
        return self.adopted_at is not None and now < self.adopted_at + UNPROVEN_S

    @property
    def is_quiet(self) -> bool:
        """Whether nothing about the position is in doubt, unexplained, unproven or to be asked."""
        return (
            not self.question
            and self.doubt_since is None
            and self.external_since is None
            and self.swallowed_since is None
            and self.adopted_at is None
        )

    def contains(self, venue_ms: int, told_at: float | None) -> bool:
        """Whether an execution of that venue's time, or told at that moment, is in what the anchor says."""
        if venue_ms > 0:
            return venue_ms <= self._anchor_ms

        return told_at is not None and told_at <= self._anchor_at

    def fill(self, step: Step, *, is_history: bool = False) -> None:
        """Apply a fill at once, unless a report taken over contains it already.

        `is_history`: it is one of a reading, so that it may well be older than what is known.
        """
        in_doubt = is_history and step.venue_ms > self._anchor_ms and step.venue_ms <= self._blurred_ms

        if step.venue_ms <= self._anchor_ms or in_doubt or self._is_contained(step):
            self._explain(step, is_history=is_history)

            if in_doubt:
                self._ask("the {side} position was read within moments of a fill", step.seen_at + POSITION_RETRY_S)

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

        if self.now.amount == self.shrunk:
            self.shrunk = None

    def report(self, report: Position, now: float, *, is_doubtful: bool = False) -> None:
        """Take the venue's word on the position, by the rules of the module.

        `is_doubtful`: its own date lies ahead of the venue's clock, so that a smaller position wants a reading first.
        """
        last_ms = self._steps[-1].venue_ms if self._steps else -1

        if report.venue_ms < max(last_ms, self._anchor_ms):
            return

        if report.amount == self.now.amount:
            self._confirm(report, newer=not is_doubtful and report.venue_ms > last_ms, at=now)
        elif is_doubtful and not is_larger(report, self.now):
            self._suspect(report.amount, now)
        elif report.venue_ms > last_ms:
            self._take_over(report, now)
        else:
            self._doubted = report.amount
            self.doubt_since = now if self.doubt_since is None else self.doubt_since

    def resync(self, report: Position, read_ms: int, now: float, began_at: float | None = None) -> None:
        """Take the answer to a resync that was begun at `began_at`, by the rules of the module.

        It is as of the position's own time, or of the read where it has none. Fills after that time stay on top of it,
        unless it agrees with them already, or was begun long after they were told.
        """
        as_of = report.venue_ms or read_ms
        began_at = now if began_at is None else began_at

        if report.amount == self.now.amount:
            self._agree(report, as_of, began_at)
            self._blur(report, read_ms)
            return

        steps = [step for step in self._steps if step.venue_ms > as_of and step.seen_at > began_at - LAG_S]
        found = replayed(report, steps)

        if report.amount == 0 and found.amount * self.now.amount < 0:
            steps, found = [], report  # what closes the position is in a read that finds none

        is_late = as_of < self._anchor_ms and began_at < self._anchor_at + LAG_S
        is_late = is_late and not (self._swallowed and found.amount == self.now.amount + self._swallowed)

        if found.amount == self.now.amount:
            is_late = as_of < self._anchor_ms
            self._prove(began_at)
        elif is_late:
            self._ask(
                "a reading of the {side} position was older than what had been told of it", now + POSITION_RETRY_S
            )
        elif self._is_suspect(found, began_at):
            self._suspect(found.amount, now)
            return

        if not is_late:
            self._adopt(report, as_of, steps, began_at=began_at, now=now)

        self._blur(report, read_ms)

    def redate(self, venue_ms: int, latest_ms: int) -> None:
        """What was dated later than `latest_ms`, before the venue's clock was known, or known better: to `venue_ms`."""
        if self._anchor_ms > latest_ms:
            self._anchor_ms = venue_ms

        if any(step.venue_ms > latest_ms for step in self._steps):
            self._steps = deque(
                attrs.evolve(step, venue_ms=venue_ms) if step.venue_ms > latest_ms else step for step in self._steps
            )

    def explain(self) -> Decimal:
        """Hand out, once, the change that no fill has explained."""
        external, self.external, self.external_since = self.external, Decimal(0), None

        return external

    def begin(self) -> None:
        """What is known now is where everything begins: no change, and proven. Until then any reading is taken over."""
        self._has_begun = True
        self.explain()
        self._trust()
        self.adopted_at = None
        self.question = ""

    # --- inside ----------------------------------------------------------------------------------------------------

    def _blur(self, report: Position, read_ms: int) -> None:
        """A position that a reading did not find was not there when it was asked for, whatever it is dated."""
        self._blurred_ms = read_ms if report.amount == 0 else -1

    def _agree(self, report: Position, as_of: int, began_at: float) -> None:
        """A reading says what is believed."""
        self._prove(began_at)
        self.question = ""

        if as_of < self._anchor_ms:
            self._trust()
            return

        dated = attrs.evolve(report, venue_ms=as_of)
        self._confirm(dated, newer=as_of > (self._steps[-1].venue_ms if self._steps else -1), at=began_at)

    def _prove(self, began_at: float) -> None:
        """A reading agrees; the one by which a position was taken over does not prove itself."""
        if self.adopted_at is not None and began_at >= self.adopted_at:
            self.adopted_at = None

    def _is_suspect(self, found: Position, began_at: float) -> bool:
        """Whether a reading tells of less than is believed, and is the first one to do so."""
        is_second = self.shrunk == found.amount and began_at >= self._shrunk_at

        return self._has_begun and not is_second and not is_larger(found, self.now)

    def _ask(self, question: str, at: float) -> None:
        self.question, self.question_at = question, at

    def _suspect(self, amount: Decimal, now: float) -> None:
        """One word says that less is left than our fills do: it takes another one to believe it."""
        self.shrunk, self._shrunk_at = amount, now
        self._ask(SMALLER, now)

    def _adopt(self, report: Position, as_of: int, steps: list[Step], *, began_at: float, now: float) -> None:
        """Take over a reading, with the fills that it does not know of yet on top."""
        before = self.now
        self._anchor, self._anchor_ms, self._anchor_at = report, as_of, began_at
        self._is_blurred = report.amount == 0
        self._steps = deque(steps)
        self._rebuild()
        self._trust()
        self._mark_external(self.now.amount - before.amount, now)

        if is_larger(self.now, before):
            self.adopted_at = now
            self._ask(LARGER, now)

    def _confirm(self, report: Position, *, newer: bool, at: float) -> None:
        self._trust()
        entry = report.entry or self.now.entry

        if abs(entry - self.now.entry) <= ENTRY_TOLERANCE * abs(entry):
            entry = self.now.entry

        self.now = attrs.evolve(
            report, entry=entry, liquidation=report.liquidation or (self.now.liquidation if report.amount else None)
        )

        if newer:
            self._anchor, self._anchor_ms, self._anchor_at = self.now, report.venue_ms, at
            self._is_blurred = False
            self._steps.clear()

    def _take_over(self, report: Position, now: float) -> None:
        self._mark_external(report.amount - self.now.amount, now)

        if self.external and is_larger(report, self.now):
            self.adopted_at = now
            self._ask(LARGER, now + EXPLAIN_S)

        self.now = self._anchor = report
        self._anchor_ms, self._anchor_at, self._is_blurred = report.venue_ms, now, False
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

    def _explain(self, step: Step, *, is_history: bool) -> None:
        """A fill that the anchor contains: what of the anchor it explains, or that there is nothing to explain."""
        if self.external:
            self.external -= step.amount
            self.external_since = self.external_since if self.external else None

            if not self.external:
                self.adopted_at = None
                self.question = "" if self.question == LARGER else self.question

        elif not is_history:
            self._swallowed += step.amount
            since = step.seen_at if self.swallowed_since is None else self.swallowed_since
            self.swallowed_since = since if self._swallowed else None

    def _trust(self) -> None:
        self.doubt_since = self.swallowed_since = None
        self._doubted = self.shrunk = None
        self._swallowed = Decimal(0)

    def _rebuild(self) -> None:
        self._steps = deque(sorted(self._steps, key=lambda step: step.venue_ms))
        self.now = replayed(self._anchor, self._steps)
