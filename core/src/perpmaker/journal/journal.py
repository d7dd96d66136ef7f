"""The journal: what was intended before it was sent, what came of it, and how it was decided.

One SQLite file per account and market (write-ahead log). Commits run in the event loop on purpose: one takes about
0.13 ms there, and in a thread four times that. How rows prove each other, and what becomes of a damaged file, is
`journal.file`; which commits wait for the disk, `journal.commits`.

On the disk before anything is sent is what the venue cannot tell again: runs, halts, stops that fired, what a next run
should know, and every exit. Quotes are in the file before they are sent, and do not wait for the disk: an own quote
that is not remembered after the power went away is cancelled, which costs nothing.

A journal that cannot be written stays broken (`JournalError` from then on): nothing may be sent without a row. A file
that has grown large is kept as an older part (`journal.rotation`); its successor begins with every run that was ever
known, and with what the newest orders and those that may still live were meant for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec

from perpmaker.decision.checkpoint import Checkpoint, decode_recollection, encode_recollection
from perpmaker.errors import JournalError
from perpmaker.journal.booked import ENTRY, entry_content
from perpmaker.journal.carried import END, INTENT, MEMORY, PARAMETERS, carried
from perpmaker.journal.commits import Commits
from perpmaker.journal.file import Row, read_rows
from perpmaker.journal.halt_latch import HALT, HaltLatch, decode_latch, encode_latch
from perpmaker.journal.inputs import INPUTS, START
from perpmaker.journal.remedy import place, remedy
from perpmaker.journal.retention import UNLIMITED, Retention
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.model.order import NewOrder

BOOT = "boot"
"""What the boot of the machine is called in the row of a run."""

TAIL = 2_000
"""Rows in which the newest word on executions is looked for."""


@attrs.frozen(kw_only=True)
class LastKnown:
    """Up to when (the venue's time) an earlier run had read the account whole, and the trades it knew of after that."""

    venue_ms: int
    trades: frozenset[str]


class Journal:
    """An open journal of one run. `record_*` returns once all is on the disk, but for steps of quotes."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        run: str,
        key: Key,
        path: Path | None = None,
        *,
        retention: Retention = UNLIMITED,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.live: Callable[[], Iterable[str]] = tuple
        """Client ids of orders that may still live: what they were meant for is never put behind."""

        self._run = run
        self._path = path
        self._commits = Commits(connection, path, str(key), self._carried, retention=retention, tell=tell)
        self._broken: str | None = None
        self._memory = Checkpoint()
        self._halt: str | None = None

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._commits.connection

    @property
    def path(self) -> Path | None:
        """The file. None for a journal in memory."""
        return self._path

    @property
    def broken(self) -> str | None:
        """Why nothing can be recorded any more. None while all is well."""
        return self._broken

    def record_run(self, utc_ms: int, about: dict[str, str]) -> None:
        """The first row of a run: its id is known from now on, and what it was started with."""
        self._append([self._row("run", self._run, utc_ms, about)])

    def record_parameters(self, file: str, configuration: str, utc_ms: int) -> None:
        """What the run goes by from now on, as its first row has what it was started with."""
        about = {"file": file, "configuration": configuration}
        self._append([self._row(PARAMETERS, PARAMETERS, utc_ms, about)])

    def record_further_run(self, run: str) -> None:
        """A further run of client ids of this start, whose sequence is used up: orders of it are ours."""
        self._append([Row(run=self._run, kind="run", name=run, utc_ms=0, payload=_encode("client ids"))])

    def record_salvage(self, runs: Sequence[str], source: str, halt: bytes | None = None) -> None:
        """Record runs that a damaged journal names, or a person: their orders are ours, of whatever purpose.

        `halt` is the payload of a damaged journal's newest row about a halt.
        """
        rows = [Row(run=run, kind="run", name=run, utc_ms=0, payload=_encode(source)) for run in runs]

        if halt is not None:
            rows.append(Row(run=self._run, kind=HALT, name=HALT, utc_ms=0, payload=halt))

        if rows:
            self._append(rows)

    def record_step(self, step: Step, utc_ms: int) -> None:
        """One decision, in one commit: a row for each order to be sent or amended, for what was booked, and the step.

        What a next run should know is a row of it when it has changed, and a halt when it is new.
        """
        rows = [] if step.inputs is None else [self._inputs(step.inputs, utc_ms)]
        rows += [self._row(kind, order.client_id, utc_ms, order) for kind, order in step.intents()]
        rows += [self._row(ENTRY, entry.key, utc_ms, entry_content(entry)) for entry in step.entries]
        rows.append(self._row("step", None, utc_ms, step.content()))

        if step.memory is not None and step.memory != self._memory:
            on_the_wall = step.memory.moved(utc_ms / 1000 - step.at)
            content = encode_recollection(on_the_wall)
            rows.append(Row(run=self._run, kind=MEMORY, name=MEMORY, utc_ms=utc_ms, payload=content))

        if step.halt is not None and step.halt != self._halt:
            latch = HaltLatch(reason=step.halt, utc_ms=utc_ms)
            rows.append(Row(run=self._run, kind=HALT, name=HALT, utc_ms=utc_ms, payload=encode_latch(latch)))

        needs_disk = rows[-1].kind in {MEMORY, HALT} or step.is_of_exits
        self._append(rows, durable=needs_disk)
        self._memory = step.memory or self._memory
        self._halt = step.halt or self._halt

    def record_start(self, utc_ms: int, content: object) -> None:
        """Record with what the trader of the run begins, so that the same one can be made again."""
        self._append([self._row(START, None, utc_ms, content)])

    def record_inputs(self, inputs: bytes, utc_ms: int) -> None:
        """Record what the trader was given while nothing was decided. It need not wait for the disk."""
        self._append([self._inputs(inputs, utc_ms)], durable=False)

    def record_release(self, utc_ms: int) -> None:
        """A person has released the halt that was latched."""
        self._append([Row(run=self._run, kind=HALT, name=HALT, utc_ms=utc_ms, payload=encode_latch(None))])

    def record_end(self, utc_ms: int) -> None:
        """The run is over, and nothing that it sent can arrive any more."""
        self._append([self._row(END, None, utc_ms, None)])

    def record_notice(self, text: str, utc_ms: int) -> None:
        """Record a line that a person has read."""
        self._append([self._row("notice", None, utc_ms, text)])

    def knows_run(self, run: str) -> bool:
        """Return whether this run or an earlier one has written here. JournalError where it is unreadable."""
        return self._found("SELECT 1 FROM row WHERE name = ? AND kind = 'run'", (run,)) is not None

    def intent(self, client_id: str) -> NewOrder | None:
        """Return the order that was about to be sent under this id, by this run or an earlier one.

        None where none was.

        Of one that was to be amended, what the newest amend was to make of it. Also None for one that an earlier
        version wrote in other words. JournalError when it cannot be read.
        """
        return next(iter(self.intents(client_id)), None)

    def intents(self, client_id: str) -> Sequence[NewOrder]:
        """Return what an order was ever meant to be, by what was sent and by its amends, newest first."""
        query = "SELECT payload FROM row WHERE name = ? AND kind IN ('intent', 'amend') ORDER BY seq DESC"

        try:
            rows = self._connection.execute(query, (client_id,)).fetchall()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

        try:
            return [msgspec.json.decode(payload, type=NewOrder) for (payload,) in rows]
        except msgspec.ValidationError:
            return []

    def memory(self) -> Checkpoint | None:
        """Return what the newest run has left for the next one, in seconds since the epoch. None without it."""
        query = "SELECT payload FROM row WHERE name = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
        found = self._found(query, (MEMORY, MEMORY))

        return None if found is None else decode_recollection(found[0])

    def halt(self) -> HaltLatch | None:
        """Return the halt that is latched. None where none is, or a person has released it."""
        query = "SELECT payload, utc_ms FROM row WHERE name = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
        found = self._found(query, (HALT, HALT))

        return None if found is None else decode_latch(*found)

    def released_ms(self) -> int | None:
        """Return when a person released the newest halt. None where none is known, or it is still latched."""
        query = "SELECT payload, utc_ms FROM row WHERE name = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
        found = self._found(query, (HALT, HALT))

        return None if found is None or decode_latch(*found) is not None else int(found[1])

    def may_lack_rows(self, boot: str) -> bool:
        """Return whether rows of the last run may have gone with the power.

        `boot` names this boot of the machine.

        Not where it has written its end, or where the machine has been running since: whatever ends a process takes no
        row with it. JournalError when it cannot be read.
        """
        newest = self._found("SELECT kind FROM row WHERE kind IN ('run', 'step', 'end') ORDER BY seq DESC LIMIT 1", ())

        if newest is None or newest[0] == END:
            return False

        begun = "SELECT payload FROM row WHERE kind = 'run' AND substr(payload, 1, 1) = ? ORDER BY seq DESC LIMIT 1"
        run = self._found(begun, (b"{",))

        return not boot or run is None or msgspec.json.decode(run[0]).get(BOOT) != boot

    def rows(self) -> Iterator[Row]:
        """Yield every row, oldest first."""
        return read_rows(self._connection)

    def last_known(self) -> LastKnown | None:
        """Return what earlier runs knew of executions. None where none of them has read the account lately."""
        trades: set[str] = set()

        for step in self.last_steps():
            for name, event in reversed(step["events"]):
                if name == "OrderFilled":
                    trades.add(event["fill"]["trade_id"])
                elif name == "Resynced" and (read_ms := event["venue_ms"] or event.get("asked_ms")):
                    trades.update(fill["trade_id"] for fill in event["fills"])
                    return LastKnown(venue_ms=read_ms, trades=frozenset(trades))

        return None

    def last_steps(self) -> Iterator[Any]:
        """The steps of earlier runs as they were written, newest first, `TAIL` of them at most, each with `utc_ms`."""
        query = "SELECT payload, utc_ms FROM row WHERE kind = 'step' AND run != ? ORDER BY seq DESC LIMIT ?"

        for payload, utc_ms in self._connection.execute(query, (self._run, TAIL)):
            yield {**msgspec.json.decode(payload), "utc_ms": utc_ms}

    def close(self) -> None:
        """Close the files."""
        self._commits.close()

    def _inputs(self, inputs: bytes, utc_ms: int) -> Row:
        return Row(run=self._run, kind=INPUTS, name=None, utc_ms=utc_ms, payload=inputs)

    def _row(self, kind: str, name: str | None, utc_ms: int, content: object) -> Row:
        return Row(run=self._run, kind=kind, name=name, utc_ms=utc_ms, payload=_encode(content))

    def _found(self, query: str, words: tuple[str | bytes, ...]) -> tuple[Any, ...] | None:
        """The first row of a question; a journal that cannot be read cannot be trusted with anything more."""
        try:
            found: tuple[Any, ...] | None = self._connection.execute(query, words).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

        return found

    def _unreadable(self, error: sqlite3.Error) -> JournalError:
        self._broken = self._broken or f"the journal cannot be read: {error}"

        return JournalError(self._broken)

    def _append(self, rows: Sequence[Row], *, durable: bool = True) -> None:
        """Commit the rows together; JournalError when that fails, then and from then on."""
        if self._broken is not None:
            raise JournalError(self._broken)

        try:
            self._commits.add(rows, durable=durable)
        except JournalError as error:
            self._broken = str(error)
            raise
        except (sqlite3.Error, OSError) as error:
            self._broken = f"the journal cannot be written: {error} ({place(self._path)}): {remedy(error)}"
            raise JournalError(self._broken) from error

    def _carried(self) -> Sequence[Row]:
        orders = self._connection.execute("SELECT COUNT(*) FROM row WHERE kind = ?", (INTENT,)).fetchone()[0]

        return carried(self.rows(), orders, set(self.live()))


def _encode(content: Any) -> bytes:  # noqa: ANN401  # whatever events and actions are made of
    return msgspec.json.encode(content)
