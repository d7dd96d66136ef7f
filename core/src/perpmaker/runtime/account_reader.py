"""Reads the account for a bot that trades: exits first, then the history, from where the last reading ended."""

from __future__ import annotations

from functools import partial
from typing import Final

import attrs

from perpmaker.decision.trader import Trader
from perpmaker.execution.dispatch import Emit
from perpmaker.model.event import Resynced
from perpmaker.model.reading import AccountSeen
from perpmaker.runtime.early_stream import EarlyStream
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.retry import Retry

OVERLAP_MS: Final = 10_000
"""How far one reading of fills goes back behind the one before it: a venue may show a fill later than a newer one."""

FRESH_S: Final = 2.0
"""How old what the start has seen may be when the run begins: a person may take his time in between."""


@attrs.define(kw_only=True)
class AccountReader:
    """`since_ms` is the venue's time from which on fills may not be known yet. Failures are waited out.

    `has_past`: whether there may be fills of the time before this run. `seen` is the account as the start has seen it,
    None where it has not; `early` the account's stream, where the start has opened that.
    """

    reconciliation: Reconciliation
    trader: Trader
    retry: Retry
    emit: Emit
    since_ms: int
    has_past: bool = True
    seen: AccountSeen | None = None
    early: EarlyStream | None = None

    async def look(self) -> None:
        """See what is held and what rests before anything else: exits go out while streams are still connecting.

        What the start has seen a moment ago is not asked for again. Everything is, once the account's stream is there.
        Where that was heard before this look, and has brought no order since, only the history is still to be read.
        """
        seen, now = self.seen, self.reconciliation.clock.now()

        if seen is None or now > seen.began_at + FRESH_S or self.reconciliation.names is not None:
            seen = await self.retry.insist(self.reconciliation.look)

        self.emit([seen])

        if self.early is not None:  # its beginning asks for no reading
            is_enough = self.early.since is not None and self.early.since <= seen.began_at
            self.emit([await self.retry.insist(partial(self._complete, seen) if is_enough else self._read)])

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

        return self._dated(await self.reconciliation.read(self.trader.working(), self.since_ms, see), began_ms)

    async def _complete(self, seen: AccountSeen) -> Resynced:
        """Read the history that belongs to a look; there is none where nothing was ever sent before."""
        since_ms = self.since_ms if self.has_past else None

        return self._dated(
            await self.reconciliation.complete(seen, self.trader.working(), since_ms),
            self.reconciliation.clock.utc_ms(),
        )

    def _dated(self, resynced: Resynced, began_ms: int) -> Resynced:
        """Take in from when on fills may not be known now."""
        asked_ms = began_ms if resynced.asked_ms is None else resynced.asked_ms
        self.since_ms = max(self.since_ms, min(resynced.venue_ms, asked_ms) - OVERLAP_MS)

        return resynced
