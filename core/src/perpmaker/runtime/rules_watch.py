"""The market's rules while it is traded: read again on schedule, and when an order did not fit them."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs

from perpmaker.connector.interface import DerivativeConnector
from perpmaker.errors import MarketClosedError, UnknownMarketError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.command_event import AmendRefused, OrderRefused
from perpmaker.model.event import Event, InstrumentChanged, TradingChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.refusal import RefusalReason
from perpmaker.runtime.plugin_output_checks import checked
from perpmaker.runtime.retry import ask_once

EVERY_S = 300.0
RULES_RETRY_S = 30.0
"""Least time between one reading and the next, however many orders are refused."""

CLOSED_S = 5.0
"""The same while the market takes no orders: that it opens again is news."""

_BY_RULE = frozenset({RefusalReason.FILTER, RefusalReason.RESTRICTED})


@attrs.define(kw_only=True)
class RulesWatch:
    """Emits `InstrumentChanged` when the venue's rules are not `instrument` any more; what it means is the trader's.

    And `TradingChanged` when the venue closes the market or opens it again.
    """

    connector: DerivativeConnector
    instrument: Instrument
    gate: Gate
    emit: Emit
    _doubted: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _closed: str = attrs.field(default="", init=False)

    def see(self, events: Iterable[Event]) -> None:
        """Take in that the venue refused an order by a rule: ours may be old."""
        if any(
            isinstance(event, (OrderRefused, AmendRefused)) and event.refusal.reason in _BY_RULE for event in events
        ):
            self._doubted.set()

    async def run(self) -> None:
        """Read and compare, until cancelled."""
        while True:
            if not self._closed:
                with anyio.move_on_after(EVERY_S - RULES_RETRY_S):
                    await self._doubted.wait()

            self._doubted = anyio.Event()
            await self._look()
            await anyio.sleep(CLOSED_S if self._closed else RULES_RETRY_S)

    async def _look(self) -> None:
        """Read once; next time is soon enough for a failure."""
        if self.gate.wait_s:
            return

        found = await ask_once("a read", self._read, self.emit)

        if found is None:
            return

        closed = found if isinstance(found, str) else ""

        if closed != self._closed:
            self._closed = closed
            self.emit([TradingChanged(closed=closed)])

        if isinstance(found, Instrument) and found != self.instrument:
            self.instrument = found
            self.emit([InstrumentChanged(instrument=found)])

    async def _read(self) -> Instrument | str:
        """The rules, or how the market is closed."""
        try:
            return checked(Instrument, await self.connector.fetch_instrument(self.instrument.market))
        except MarketClosedError as error:
            return f"its status is {error.status}"
        except UnknownMarketError:
            return "the venue does not list it any more"
