"""What a trader is made of that parameters change, taken over while it trades: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias

import attrs

from perpmaker.decision.decision import ExitRule
from perpmaker.errors import PerpmakerError
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import Instrument
from perpmaker.model.parameters import ParametersChanged
from perpmaker.risk.interface import RiskModule
from perpmaker.strategy.interface import Strategy


@attrs.frozen(kw_only=True)
class TradedParts:
    """The parts that one set of parameters comes to.

    `strategy` and `modules` are None where their settings are as they were: then they go on with what they remember.
    `stops` are the settings of the exits; `stop_wait_s` is how long a clean end lets a stop that has fired go on.
    """

    strategy: Strategy | None
    exits: ExitRule
    modules: tuple[RiskModule, ...] | None
    stops: ExitSettings
    book_max_age_s: float
    position_cap: Decimal | None
    stop_wait_s: float


Rebuild: TypeAlias = Callable[[ParametersChanged, Instrument], TradedParts]
"""Makes the parts of changed parameters. PerpmakerError where they cannot be made."""


@attrs.define(kw_only=True)
class Parameters:
    """The parameters that a trader goes by. `parts` and `changed` are those of the last change; None before any."""

    rebuild: Rebuild | None = None
    parts: TradedParts | None = None
    changed: ParametersChanged | None = None

    def take(
        self, event: ParametersChanged, instrument: Instrument, adopt: Callable[[TradedParts], None]
    ) -> Iterator[str]:
        """Make the parts of a change and hand them over. What cannot be made changes nothing; a line says which."""
        if self.rebuild is None:
            yield "parameters were not changed: this bot was not made from a configuration"
            return

        try:
            parts = self.rebuild(event, instrument)
        except PerpmakerError as error:
            yield f"parameters were not changed: {error}"
            return

        adopt(parts)
        self.parts, self.changed = parts, event
        yield f"parameters changed: {', '.join(event.keys)}"
