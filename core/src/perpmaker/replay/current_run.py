"""One run of a journal as it is decided again: its batches compared with what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from perpmaker.execution.action import Action, Place
from perpmaker.journal.inputs import Batch
from perpmaker.journal.step import Step
from perpmaker.journal.words import WORDS
from perpmaker.launch.trader_start import TraderStart
from perpmaker.replay.bookkeeping import Bookkeeping
from perpmaker.replay.outcome import Decided, Difference, ReplayedPart
from perpmaker.replay.replayed_run import ReplayedRun

_CLASSES = {word: kind for kind, word in WORDS.items()}


@attrs.define(kw_only=True)
class CurrentRun:
    """The run that is being replayed. `held` are batches of which it is not known yet what they led to."""

    part: ReplayedPart
    start: TraderStart
    own: ReplayedRun
    changed: ReplayedRun | None
    bookkeeping: Bookkeeping | None
    held: list[Batch] = attrs.field(factory=list)

    def utc_ms(self, batch: Batch) -> int:
        """When a batch was given, about: the clock may have been set meanwhile."""
        return self.start.utc_ms + round((batch.at - self.start.at) * 1000)

    def compare(self, batch: Batch, recorded: bytes | None, utc_ms: int) -> Difference | None:
        """Give a batch to the trader, and to the one that is tried instead; the first that decides otherwise."""
        part = self.part
        part.batches += 1
        part.decisions += recorded is not None
        then = None if recorded is None else msgspec.json.decode(recorded)
        ids = [] if then is None else list(_ids(then))

        for run, is_own in self._runs():
            step = run.play(batch, ids)

            if not _is_same(step, recorded, then):
                was = self.own.decision if not is_own else None

                return self.difference(
                    batch,
                    utc_ms,
                    Decided(content=then, decision=was),
                    Decided(content=None if step is None else _content(step), decision=run.decision),
                    own=is_own,
                )

            run.known.remember(() if step is None else step.actions)

        return None

    def remember(self, content: Mapping[str, Any]) -> None:
        """Take in what was sent in a step that no trader decided."""
        actions: list[Action] = [
            msgspec.convert(action, Place) for word, action in content["actions"] if word == "Place"
        ]

        for run, _ in self._runs():
            run.known.remember(actions)

    def difference(self, batch: Batch, utc_ms: int, then: Decided, now: Decided, *, own: bool) -> Difference:
        """What differs in a batch."""
        return Difference(
            run=self.part.run,
            utc_ms=utc_ms,
            batch=self.part.batches,
            step=self.part.decisions,
            events=batch.events,
            then=then,
            now=now,
            instrument=self.start.instrument,
            own=own,
        )

    def _runs(self) -> Iterator[tuple[ReplayedRun, bool]]:
        yield self.own, True

        if self.changed is not None:
            yield self.changed, False


def _is_same(step: Step | None, recorded: bytes | None, then: Mapping[str, Any] | None) -> bool:
    if step is None or recorded is None:
        return step is None and recorded is None

    return msgspec.json.encode(step.content()) == recorded or (then is not None and _is_decided(step, then))


def _is_decided(step: Step, then: Mapping[str, Any]) -> bool:
    """Whether a step is what a row says, which an earlier version may have written with fewer fields."""
    content = _content(step)

    if any(content[key] != then.get(key) for key in ("at", "notices", "mode")):
        return False

    try:
        actions: list[Action] = [msgspec.convert(action, _CLASSES[word]) for word, action in then["actions"]]
    except (msgspec.ValidationError, KeyError):
        return bool(content["actions"] == then["actions"])

    return actions == [*step.actions]


def _content(step: Step) -> Mapping[str, Any]:
    """What a row would have of a step."""
    content: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode(step.content()))

    return content


def _ids(content: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the orders that a step placed, in their order."""
    return (action["order"]["client_id"] for word, action in content["actions"] if word == "Place")


def decoded(payload: bytes) -> object:
    """Return what a row holds; None where it cannot be read."""
    try:
        return msgspec.json.decode(payload)
    except msgspec.MsgspecError:
        return None
