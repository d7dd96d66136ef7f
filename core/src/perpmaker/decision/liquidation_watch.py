"""Whether the stop of an open position keeps its distance from liquidation: looked at with each reading of the account.

Where it does not, the effective stop has moved nearer already (see `perpmaker.exits.level`); nothing is quoted that
could make the position larger.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.decision.trading_state import TradingState
from perpmaker.exits.level import SHARE, beyond_reach, stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position


@attrs.define(kw_only=True)
class LiquidationWatch:
    """Takes quotes off while a stop does not keep its distance. `settings` None: nothing is known of stops."""

    settings: ExitSettings | None
    instrument: Instrument
    trading_state: TradingState
    _near: frozenset[PositionSide] = attrs.field(default=frozenset(), init=False)

    def judge(self, account: AccountSnapshot) -> Iterator[str]:
        """Take in a reading; a line for people of each position that is news, and of the end of it."""
        if self.settings is None or self.settings.stop_loss_spread is None:
            return

        words = {
            position.side: found
            for position in account.positions
            if (found := self._words(self.settings, position)) is not None
        }
        news = [found for side, found in words.items() if side not in self._near]

        if (now := frozenset(words)) == self._near:
            return

        was_near, self._near = bool(self._near), now
        self.trading_state.approach_liquidation("; ".join(words.values()))
        yield from (f"{found}; nothing is quoted until the stop keeps its distance again" for found in news)

        if was_near and not now:
            yield "the stop keeps its distance from liquidation again"

    def _words(self, settings: ExitSettings, position: Position) -> str | None:
        """What is wrong with a position; None when its stop keeps its distance."""
        sign = 1 if position.amount > 0 else -1
        beyond = beyond_reach(settings, position, sign, self.instrument.taker_fee)

        if self.instrument.is_dust(position.amount) or beyond is None or position.liquidation is None:
            return None

        level = stop_level(settings, position, sign, self.instrument)
        fires = "" if level is None else f"; it fires at {self.instrument.price(level):f}"

        return (
            f"the stop of the {'long' if sign > 0 else 'short'} position is too near to liquidation at "
            f"{position.liquidation:f}: stop, buffer and taker fee reach {beyond.reach:.2%} from the entry, and "
            f"{SHARE:.0%} of the way are {beyond.room:.2%}{fires}"
        )
