"""Reads the account for a bot that trades: exits first, then the history, from where the last reading ended."""

from __future__ import annotations

from typing import Final

import attrs

from perpmaker.decision.trader import Trader
from perpmaker.execution.dispatch import Emit
from perpmaker.model.event import Resynced
from perpmaker.model.reading import AccountSeen
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.retry import Retry

OVERLAP_MS: Final = 10_000
"""How far one reading of fills goes back behind the one before it: a venue may show a fill later than a newer one."""

FRESH_S: Final = 2.0
"""How old what the start has seen may be when the run begins: a person may take his time in between."""


@attrs.define(kw_only=True)
class AccountReader:
    """`since_ms` is the venue's time from which on fills may not be known yet. Failures are waited out.

    `seen` is the account as the start has seen it, None where it has not.
    """

    reconciliation: Reconciliation
    trader: Trader
    retry: Retry
    emit: Emit
    since_ms: int
    seen: AccountSeen | None = None

    async def look(self) -> None:
        """See what is held and what rests before anything else: exits go out while streams are still connecting.

        What the start has seen a moment ago is not asked for again; everything is, once the account's stream is there.
        """
        seen, now = self.seen, self.reconciliation.clock.now()

        if seen is None or now > seen.began_at + FRESH_S or self.reconciliation.names is not None:
            seen = await self.retry.insist(self.reconciliation.look)

        self.emit([seen])

    async def read(self) -> None:
        """Read the whole account once, however long the venue takes to answer."""
        self.emit([await self.retry.insist(self._read)])

    async def _read(self) -> Resynced:
        """Where a reading is waited for, what exits need of it is emitted before the history is read."""
        trading_state = self.trader.trading_state
        is_awaited = trading_state.demand is not None or not trading_state.synchronised
        began_ms = self.reconciliation.clock.utc_ms()

        def see(account: AccountSeen) -> None:
            if is_awaited:
                self.emit([account])

        resynced = await self.reconciliation.read(self.trader.working(), self.since_ms, see)
        asked_ms = began_ms if resynced.asked_ms is None else resynced.asked_ms
        self.since_ms = max(self.since_ms, min(resynced.venue_ms, asked_ms) - OVERLAP_MS)

        return resynced
