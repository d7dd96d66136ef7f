"""Answers the trader's question for a price, where the venue can be asked."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from perpmaker.connector.abilities import PriceReading
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event, MarkChanged
from perpmaker.model.instrument import Instrument
from perpmaker.runtime.plugin_output_checks import checked, checked_events
from perpmaker.runtime.retry import ask_once


@attrs.define(kw_only=True)
class PriceReader:
    """Asks for the mark price, one question at a time; the trader asks again where no answer came."""

    connector: DerivativeConnector
    instrument: Instrument
    gate: Gate
    emit: Emit
    _is_asking: bool = attrs.field(default=False, init=False)

    async def ask(self) -> None:
        """Ask once. An answer that is not there, or not of now, is none."""
        if not isinstance(self.connector, PriceReading) or self.gate.wait_s or self._is_asking:
            return

        self._is_asking, connector = True, self.connector

        async def read() -> Sequence[Event]:
            mark = await connector.fetch_mark(self.instrument)

            if mark is None:
                return ()

            return checked_events((attrs.evolve(checked(MarkChanged, mark), asked=True),))

        try:
            self.emit(await ask_once("a read", read, self.emit) or ())
        finally:
            self._is_asking = False
