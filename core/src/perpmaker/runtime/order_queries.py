"""Questions about single orders: each is asked until the venue answers, and never twice at a time."""

from __future__ import annotations

import attrs

from perpmaker.execution.action import Ask
from perpmaker.execution.dispatch import Emit
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.retry import Retry
from perpmaker.runtime.tasks import Tasks


@attrs.frozen(kw_only=True)
class OrderQueries:
    """Asks what became of orders; each answer is emitted."""

    reconciliation: Reconciliation
    retry: Retry
    emit: Emit
    _asked: set[str] = attrs.field(factory=set, init=False)

    def start(self, action: Ask, tasks: Tasks) -> None:
        """Ask about an order, unless that is being done already."""
        if action.client_id not in self._asked:
            self._asked.add(action.client_id)
            tasks.start_soon(self._ask, action)

    async def _ask(self, action: Ask) -> None:
        try:
            answer = await self.retry.insist(
                lambda: self.reconciliation.ask(action.client_id, action.venue_id, action.kind)
            )
        finally:
            self._asked.discard(action.client_id)

        self.emit([answer])
