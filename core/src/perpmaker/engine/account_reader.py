"""Reads the account for a bot that trades: exits first, then the history, from where the last reading ended."""

from __future__ import annotations

from typing import Final

import attrs

from perpmaker.engine.patience import Patience
from perpmaker.engine.recovery import Recovery
from perpmaker.engine.trader import Trader
from perpmaker.execution.dispatch import Emit
from perpmaker.model.event import Resynced
from perpmaker.model.reading import AccountSeen

OVERLAP_MS: Final = 10_000
"""How far one reading of fills goes back behind the one before it: a venue may show a fill later than a newer one."""


@attrs.define(kw_only=True)
class AccountReader:
    """`since_ms` is the venue's time from which on fills may not be known yet. Failures are waited out."""

    recovery: Recovery
    trader: Trader
    patience: Patience
    emit: Emit
    since_ms: int

    async def look(self) -> None:
        """See what is held and what rests before anything else: exits go out while streams are still connecting."""
        self.emit([await self.patience.insist(self.recovery.look)])

    async def read(self) -> None:
        """Read the whole account once, however long the venue takes to answer."""
        self.emit([await self.patience.insist(self._read)])

    async def _read(self) -> Resynced:
        """Where a reading is waited for, what exits need of it is emitted before the history is read."""
        permission = self.trader.permission
        is_awaited = permission.demand is not None or not permission.synchronised
        began_ms = self.recovery.clock.utc_ms()

        def see(account: AccountSeen) -> None:
            if is_awaited:
                self.emit([account])

        resynced = await self.recovery.read(self.trader.working(), self.since_ms, see)
        asked_ms = began_ms if resynced.asked_ms is None else resynced.asked_ms
        self.since_ms = max(self.since_ms, min(resynced.venue_ms, asked_ms) - OVERLAP_MS)

        return resynced
