"""Goes through a journal, makes each run's trader again, and compares what it decides with what the run decided."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import attrs
import msgspec

from perpmaker.errors import PerpmakerError
from perpmaker.journal.booked import entry_of
from perpmaker.journal.inputs import INPUTS, Batch, decode_batches
from perpmaker.journal.parts import part_path
from perpmaker.journal.read_file import Cursor, ReadRow
from perpmaker.journal.reading import START as START_OF_ALL
from perpmaker.journal.reading import JournalReader
from perpmaker.launch.plan import Plan
from perpmaker.launch.trader_start import TraderStart, versions_of
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.replay.bookkeeping import Bookkeeping, held_in
from perpmaker.replay.current_run import CurrentRun, decoded
from perpmaker.replay.outcome import Decided, Outcome, ReplayedPart
from perpmaker.replay.replayed_run import begin_again

BOOKED_MOST = 100_000
"""Entries of earlier runs that are held for the next run to begin with."""


UNBEGUN = "it has not begun to trade"


class Plans(Protocol):
    """The plans of a run, by what its first row has of its configuration."""

    def own(self, about: Mapping[str, Any]) -> Plan:
        """Return the plan that the run had. PerpmakerError where it cannot be made any more."""

    def changed(self, about: Mapping[str, Any]) -> Plan | None:
        """Return the plan that is tried instead. None where it is the run's own."""


@attrs.define(kw_only=True)
class Replay:
    """Replays the journal that `reader` reads, or of it only the run `only`.

    `progress` is given each row's time, often.
    """

    reader: JournalReader
    plans: Plans
    only: str | None = None
    progress: Callable[[int], None] = lambda _: None
    outcome: Outcome = attrs.field(factory=Outcome, init=False)
    _about: dict[str, Mapping[str, Any]] = attrs.field(factory=dict, init=False)
    _booked: deque[tuple[int, LedgerEntry]] = attrs.field(factory=lambda: deque(maxlen=BOOKED_MOST), init=False)
    _current: CurrentRun | None = attrs.field(default=None, init=False)
    _at: Cursor = attrs.field(default=START_OF_ALL, init=False)

    def run(self) -> Outcome:
        """Replay it all, up to the first difference."""
        for row in self.reader.rows():
            self.progress(row.utc_ms)

            if row.at.part != self._at.part:
                self._leave_file()

            self._at = row.at
            self._take(row)

            if self.outcome.difference is not None:
                break
        else:
            self._leave_file()
            self._settle(None)

        self.outcome.unread = tuple(self.reader.unread)

        return self.outcome

    def _leave_file(self) -> None:
        """Where rows at the end of a file could not be read, nobody knows what the last batch before them led to."""
        names = {self.reader.path, part_path(self.reader.path, max(self._at.part, 0))}

        if self._current is not None and any(one.path in names for one in self.reader.unread):
            del self._current.held[-1:]
            self._settle(None)
            self._stop("what follows of it cannot be read")

    def _take(self, row: ReadRow) -> None:
        match row.kind:
            case "run":
                self._begin_run(row)
            case "start" if self.only in {None, row.run}:
                self._settle(None)
                self._begin(row)
            case "entry":
                if (entry := entry_of(row)) is not None:
                    self._booked.append((row.utc_ms, entry))
            case "inputs" | "step" | "memory" if self._current is not None and row.run == self._current.part.run:
                self._go_on(self._current, row)
            case "inputs":
                self._say_headless(row.run)
            case _:
                pass

    def _begin_run(self, row: ReadRow) -> None:
        about = decoded(row.payload)

        if isinstance(about, dict):
            self._settle(None)
            self._current = None
            self._about[row.run] = about

            if self.only in {None, row.run}:
                part = ReplayedPart(run=row.run, began_ms=row.utc_ms, remark=UNBEGUN)
                self.outcome.runs.append(part)

                if "configuration" not in about:
                    part.remark = "it was journalled by an earlier version, which kept too little"

    def _say_headless(self, run: str) -> None:
        for part in self.outcome.runs:
            if part.run == run and part.remark == UNBEGUN:
                part.remark = "how it began is not in the journal any more"

    def _begin(self, row: ReadRow) -> None:
        """Make the trader of a run."""
        part = self._part_of(row)

        try:
            start = msgspec.json.decode(row.payload, type=TraderStart)
        except msgspec.MsgspecError as error:
            part.remark = f"another version has written how it began ({error})"
            return

        part.versions, part.market_data, part.remark = start.versions, start.market_data, ""
        booked = [entry for at_ms, entry in self._booked if at_ms >= start.booked_since_ms]

        try:
            self._current = self._made(part, start, booked)
        except PerpmakerError as error:
            part.remark = f"its trader cannot be made again: {error}"

    def _part_of(self, row: ReadRow) -> ReplayedPart:
        for part in self.outcome.runs:
            if part.run == row.run:
                return part

        part = ReplayedPart(run=row.run, began_ms=row.utc_ms)
        self.outcome.runs.append(part)

        return part

    def _made(self, part: ReplayedPart, start: TraderStart, booked: list[LedgerEntry]) -> CurrentRun:
        about = self._about.get(part.run, {})
        changed = self.plans.changed(about)
        plan = self.plans.own(about)
        own = begin_again(plan, start, booked, part.run)
        part.notes = tuple(_other_versions(start.versions, versions_of(plan)))

        if changed is not None and not start.market_data:
            part.notes = (*part.notes, "there is nothing that other values could be tried on")

        return CurrentRun(
            part=part,
            start=start,
            own=own,
            changed=None if changed is None else begin_again(changed, start, booked, part.run),
            bookkeeping=None if start.market_data else Bookkeeping(own.trader, own.known),
        )

    def _go_on(self, current: CurrentRun, row: ReadRow) -> None:
        try:
            if current.bookkeeping is not None:
                self._keep_books(current, current.bookkeeping, row)
            elif row.kind == INPUTS:
                self._settle(None)
                current.held = decode_batches(row.payload)
            elif row.kind == "step":
                self._step(current, row)
        except ValueError as error:
            self._stop(str(error))

    def _step(self, current: CurrentRun, row: ReadRow) -> None:
        """Settle the batches that led to a step; one that nobody decided stands apart."""
        content = msgspec.json.decode(row.payload)

        if current.held and current.held[-1].at == content["at"]:
            self._settle(row)
        elif content["events"] or any(content["mode"]):  # an end without the trader has neither
            self._settle(None)
            self._stop("from here on the journal has no inputs")
        else:
            self._settle(None)
            current.part.apart += 1
            current.remember(content)

    def _settle(self, row: ReadRow | None) -> None:
        """Give the batches that are held to the trader; the last of them led to the step of a row, if there is one."""
        current = self._current

        if current is None:
            return

        held, current.held = current.held, []

        for number, batch in enumerate(held, 1):
            recorded = row.payload if row is not None and number == len(held) else None
            utc_ms = current.utc_ms(batch) if row is None else row.utc_ms
            self.outcome.difference = current.compare(batch, recorded, utc_ms)

            if self.outcome.difference is not None:
                return

    def _keep_books(self, current: CurrentRun, books: Bookkeeping, row: ReadRow) -> None:
        if row.kind == "step":
            books.fold(msgspec.json.decode(row.payload))
            current.part.batches += 1
        elif row.kind == "memory" and (held := held_in(row.payload)) is not None:
            current.part.positions += 1

            if held != books.positions():
                shown = {side.value: f"{amount:f}" for side, amount in held.items()}
                found = {side.value: f"{amount:f}" for side, amount in books.positions().items()}
                self.outcome.difference = current.difference(
                    Batch(at=current.start.at, events=()),
                    row.utc_ms,
                    Decided(content={"positions": shown}),
                    Decided(content={"positions": found}),
                    own=True,
                )

    def _stop(self, remark: str) -> None:
        if self._current is not None:
            self._current.part.remark = remark
            self._current = None


def _other_versions(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in {**then, **now}:
        before, after = then.get(name, "not installed"), now.get(name, "not installed")

        if before != after:
            yield f"{name} was {before} then, and is {after} now"
