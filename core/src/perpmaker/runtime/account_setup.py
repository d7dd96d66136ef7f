"""What the account must be set to: set before the first order, proven by reading it back, and watched afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import SettingsReading
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.decision.drift_check import WantedSettings, differences
from perpmaker.errors import MarketRulesError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.position import VenueSettings
from perpmaker.runtime.plugin_output_checks import checked
from perpmaker.runtime.retry import ask_once

CONFIRM_S = 30.0
"""How long a venue may take to show that it has done what it was asked to."""

SETTINGS_RETRY_S = 2.0


async def prepare(
    connector: DerivativeConnector, instrument: Instrument, wanted: WantedSettings, clock: Clock
) -> VenueSettings:
    """Set what differs until the venue itself says that it is so, and return what it says.

    MarketRulesError names what was asked for and what holds, when that takes longer than `CONFIRM_S`.
    """
    until = clock.now() + CONFIRM_S

    while True:
        found = await connector.prepare(instrument, wanted.leverage, wanted.position_mode, wanted.margin_mode)
        wrong = differences(wanted, found)

        if not wrong:
            return found

        if clock.now() >= until:
            raise MarketRulesError(
                f"{instrument.market} on {connector.name}: {wrong}, {CONFIRM_S:g} s after it was asked for. "
                "Nothing is traded: set it on the venue's own site, or configure what is set there."
            )

        await anyio.sleep(SETTINGS_RETRY_S)


@attrs.define(kw_only=True)
class SettingsWatch:
    """Reads what the market of the account is set to while it is traded; the trader judges it."""

    connector: DerivativeConnector
    instrument: Instrument
    gate: Gate
    emit: Emit
    _told: int = attrs.field(default=0, init=False)

    def see(self, events: Iterable[Event]) -> None:
        """Take in that the venue has told of them by itself: what is being read meanwhile may be older."""
        self._told += sum(isinstance(event, SettingsReported) for event in events)

    async def look(self) -> None:
        """Read them, where the venue can be asked without setting anything; next time is soon enough for a failure."""
        if not isinstance(self.connector, SettingsReading) or self.gate.wait_s:
            return

        told, connector = self._told, self.connector

        async def read() -> VenueSettings:
            return checked(VenueSettings, await connector.fetch_settings(self.instrument))

        found = await ask_once("a read", read, self.emit)

        if found is not None and told == self._told:
            self.emit([SettingsReported(settings=found)])
