"""What is free for margin, asked for again when something has changed it: a fill, funding, a transfer, a refusal."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs

from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import AmendRefused, OrderRefused
from perpmaker.model.event import BalanceReported, Event, FundingPaid, OrderFilled, Resynced
from perpmaker.model.reading import AccountReported
from perpmaker.model.refusal import RefusalReason
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.retry import ask_once

SETTLE_S = 0.25
"""Seconds from the first such event to the question: several of one moment are one, and the venue's reads lag."""

ACCOUNT_RETRY_S = 2.0
"""Least seconds between one question and the next, whatever happens."""


@attrs.define(kw_only=True)
class AccountWatch:
    """Emits `AccountReported` after what may have changed the money; every reconciliation reads it anyway."""

    reconciliation: Reconciliation
    gate: Gate
    emit: Emit
    _is_due: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _is_read: bool = attrs.field(default=False, init=False)

    def see(self, events: Iterable[Event]) -> None:
        """Take in what happened; before the first reading of the account there is nothing to renew."""
        for event in events:
            self._is_read = self._is_read or isinstance(event, Resynced)

            if self._is_read and moves_money(event):
                self._is_due.set()

    async def run(self) -> None:
        """Ask whenever it is due, until cancelled; a failure is made good by the next question."""
        while True:
            await self._is_due.wait()
            await anyio.sleep(max(SETTLE_S, self.gate.wait_s))
            self._is_due = anyio.Event()
            account = await ask_once("a read", self._read, self.emit)

            if account is None:
                self._is_due.set()
            else:
                self.emit([AccountReported(account=account)])

            await anyio.sleep(ACCOUNT_RETRY_S)

    async def _read(self) -> AccountSnapshot:
        return await self.reconciliation.account()


def moves_money(event: Event) -> bool:
    """Whether what is free for margin may be something else after this."""
    if isinstance(event, (OrderRefused, AmendRefused)):
        return event.refusal.reason is RefusalReason.INSUFFICIENT_MARGIN

    return isinstance(event, (OrderFilled, FundingPaid, BalanceReported))
