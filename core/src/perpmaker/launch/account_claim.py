"""What is on the account before a run: looked at once, and refused where it may be somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.connector.interface import Environment, PriceReading
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.last_orders import last_live
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.launch.position_claim import PositionClaim
from perpmaker.launch.start_retry import StartRetry
from perpmaker.launch.unknown_run_orders import claim_orders
from perpmaker.model.reading import AccountSeen
from perpmaker.plugins.start import starting
from perpmaker.runtime.reconciliation import Reconciliation

REAL: Final = frozenset({Environment.TESTNET, Environment.LIVE})
"""Where a position may be a person's."""


@attrs.frozen(kw_only=True)
class AccountClaim:
    """Tells whose orders and positions of a market are; `adopt` and `adopt_position` as `launch.open_bot` has them."""

    reconciliation: Reconciliation
    known: OrderIntents
    exits: ExitSettings
    environment: Environment
    adopt: bool
    adopt_position: bool

    async def claim(self, venue: StartRetry, tell: Callable[[str], None]) -> None:
        """Look until the venue answers; LockedError or UnexplainedPositionError for what is not ours."""
        seen, mark = await venue.insist(self._look)
        claim_orders(seen.orders, self.known, adopt=self.adopt, tell=tell)

        if self.environment not in REAL:
            return

        memory = self.known.journal.memory()
        positions = PositionClaim(
            instrument=self.reconciliation.instrument,
            exits=self.exits,
            held={} if memory is None else memory.held,
            live=last_live(self.known.journal.last_steps(), self.known),
        )
        positions.claim(seen.account.positions, mark, adopt=self.adopt_position, tell=tell)

    async def _look(self) -> tuple[AccountSeen, Decimal | None]:
        """What is held and what rests before anything is sent, and the mark price, where the connector tells it."""
        connector = self.reconciliation.connector

        with starting("connector", connector.name):
            seen = await self.reconciliation.look()
            mark = (
                await connector.fetch_mark(self.reconciliation.instrument)
                if isinstance(connector, PriceReading)
                else None
            )

            return seen, None if mark is None else mark.mark
