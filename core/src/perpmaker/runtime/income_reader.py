"""The venue's income history, read at each reconciliation: what the stream did not tell is found there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import FundingHistory
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event, FundingPaid, IncomeReported, Resynced
from perpmaker.model.income import IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.runtime.plugin_output_checks import checked_answers
from perpmaker.runtime.retry import ask_once

OVERLAP_MS = 5 * 60_000
"""So much of what was read already is read again: a row may appear later than it is dated."""

SETTLE_S = 1.0
"""Seconds from the event to the question: the history lags behind the stream."""

INCOME_RETRY_S = 10.0
"""Least seconds between one question and the next: each is a heavy one for the venue."""

LAST_S = 3.0
"""What the last reading of a run may take."""


@attrs.define(kw_only=True)
class IncomeReader:
    """Emits `IncomeReported`, where the venue has such a history. `since_ms`: rows of before are not asked for."""

    connector: DerivativeConnector
    instrument: Instrument
    clock: Clock
    gate: Gate
    emit: Emit
    since_ms: int
    _is_due: anyio.Event = attrs.field(factory=anyio.Event, init=False)

    def see(self, events: Iterable[Event]) -> None:
        """Take in what calls for a reading: a reconciliation, and funding that the stream told of."""
        if any(isinstance(event, (Resynced, FundingPaid)) for event in events):
            self._is_due.set()

    async def run(self) -> None:
        """Read whenever it is due, until cancelled; the next reconciliation makes a failure good."""
        while True:
            await self._is_due.wait()
            self._is_due = anyio.Event()
            await anyio.sleep(max(SETTLE_S, self.gate.wait_s))
            found = await self.read()

            if found is not None:
                self.emit([found])

            await anyio.sleep(INCOME_RETRY_S)

    async def read_at_last(self, tell: Callable[[str], None]) -> IncomeReported | None:
        """The history at the end of a run; None where the venue has none, or, as is told, does not answer in time."""
        found: IncomeReported | None = None

        with anyio.move_on_after(LAST_S):
            found = await self.read()

        if found is None and isinstance(self.connector, FundingHistory):
            tell("the income history could not be read at the end: funding and the result may lack the latest payments")

        return found

    async def read(self) -> IncomeReported | None:
        """Read once what may be new; None where the venue has no history, or does not answer now."""
        connector, asked_at = self.connector, self.clock.now()

        if not isinstance(connector, FundingHistory):
            return None

        async def ask() -> tuple[IncomeRecord, ...]:
            return checked_answers(IncomeRecord, await connector.fetch_income(self.instrument, self.since_ms))

        records = await ask_once("a read", ask, self.emit)

        if records is None:
            return None

        newest_ms = max((record.venue_ms for record in records), default=0)
        self.since_ms = max(self.since_ms, newest_ms - OVERLAP_MS)

        return IncomeReported(records=records, asked_at=asked_at)
