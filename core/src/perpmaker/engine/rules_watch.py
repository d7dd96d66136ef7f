"""The market's rules while it is traded: read again on schedule, and when an order did not fit them."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs

from perpmaker.connector.interface import DerivativeConnector
from perpmaker.errors import PayloadError, VenueError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event, InstrumentChanged, OrderRefused
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import RefusalReason

EVERY_S = 300.0
AGAIN_S = 30.0
"""Least time between one reading and the next, however many orders are refused."""


@attrs.define(kw_only=True)
class RulesWatch:
    """Emits `InstrumentChanged` when the venue's rules are not `instrument` any more; what it means is the trader's."""

    connector: DerivativeConnector
    instrument: Instrument
    gate: Gate
    emit: Emit
    _doubted: anyio.Event = attrs.field(factory=anyio.Event, init=False)

    def see(self, events: Iterable[Event]) -> None:
        """Take in that the venue refused an order by a rule: ours may be old."""
        if any(isinstance(event, OrderRefused) and event.refusal.reason is RefusalReason.FILTER for event in events):
            self._doubted.set()

    async def run(self) -> None:
        """Read and compare, until cancelled."""
        while True:
            with anyio.move_on_after(EVERY_S - AGAIN_S):
                await self._doubted.wait()

            self._doubted = anyio.Event()
            await self._look()
            await anyio.sleep(AGAIN_S)

    async def _look(self) -> None:
        """Read once; next time is soon enough for a failure."""
        if self.gate.wait_s:
            return

        try:
            found = await self.connector.instrument(self.instrument.market)
        except (VenueError, PayloadError):
            return

        if found != self.instrument:
            self.instrument = found
            self.emit([InstrumentChanged(instrument=found)])
