"""What the account must be set to: set before the first order, proven by reading it back, and watched afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DerivativeConnector, SettingsReading
from perpmaker.errors import MarketRulesError, PayloadError, VenueError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event, Halted, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings

CONFIRM_S = 30.0
"""How long a venue may take to show that it has done what it was asked to."""

AGAIN_S = 2.0


@attrs.frozen(kw_only=True)
class WantedSettings:
    """What a configuration asks for; margin_mode None keeps what the account has."""

    leverage: int
    position_mode: PositionMode
    margin_mode: MarginMode | None


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

        await anyio.sleep(AGAIN_S)


def differences(wanted: WantedSettings | VenueSettings, found: VenueSettings) -> str:
    """Each setting that is not as wanted, with both values; empty when all are."""
    pairs = [
        ("leverage", wanted.leverage, found.leverage),
        ("position_mode", wanted.position_mode.value, found.position_mode.value),
    ]

    if wanted.margin_mode is not None:
        pairs.append(("margin_mode", wanted.margin_mode.value, found.margin_mode.value))

    return ", ".join(f"{key} is {now}, not {asked}" for key, asked, now in pairs if asked != now)


@attrs.frozen(kw_only=True)
class SettingsWatch:
    """Halts the market when somebody changes its settings while it is traded: `settings` are those it began with."""

    settings: VenueSettings
    connector: DerivativeConnector
    instrument: Instrument
    gate: Gate
    emit: Emit

    def see(self, events: Iterable[Event]) -> None:
        """Take in what the private stream tells."""
        for event in events:
            if isinstance(event, SettingsReported):
                self._judge(event.settings)

    async def look(self) -> None:
        """Read them, where the venue can be asked without setting anything; next time is soon enough for a failure."""
        if not isinstance(self.connector, SettingsReading) or self.gate.wait_s:
            return

        try:
            found = await self.connector.read_settings(self.instrument)
        except (VenueError, PayloadError):
            return

        self._judge(found)

    def _judge(self, found: VenueSettings) -> None:
        wrong = differences(self.settings, found)

        if wrong:
            self.emit([Halted(reason=f"the settings of the account were changed: {wrong}")])
