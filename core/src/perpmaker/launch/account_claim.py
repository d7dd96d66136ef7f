"""What is on the account before a run: looked at once, and refused where it may be another owner's."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.connector.abilities import PriceReading
from perpmaker.connector.interface import Environment
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.last_orders import last_live
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.launch.position_claim import PositionClaim
from perpmaker.launch.start_retry import StartRetry
from perpmaker.launch.unknown_run_orders import claim_orders
from perpmaker.model.position import open_positions
from perpmaker.model.reading import AccountSeen
from perpmaker.plugins.start import starting
from perpmaker.runtime.reconciliation import Reconciliation

REAL: Final = frozenset({Environment.TESTNET, Environment.LIVE})
"""Where a position may be a person's."""


@attrs.frozen(kw_only=True)
class AccountClaim:
    """Tells whose orders and positions of a market are.

    `adopt` and `adopt_position` as `prepare_run` has them.
    """

    reconciliation: Reconciliation
    known: OrderIntents
    exits: ExitSettings
    environment: Environment
    adopt: bool
    adopt_position: bool

    async def claim(self, venue: StartRetry, tell: Callable[[str], None]) -> AccountSeen:
        """Look until the venue answers, and return what was seen.

        LockedError or UnexplainedPositionError for what is not ours.
        """
        seen, mark = await venue.insist(self._look)
        claim_orders(seen.orders, self.known, adopt=self.adopt, tell=tell)

        if self.environment not in REAL:
            return seen

        memory = self.known.journal.memory()
        positions = PositionClaim(
            instrument=self.reconciliation.instrument,
            exits=self.exits,
            held={} if memory is None else memory.held,
            live=last_live(self.known.journal.last_steps(), self.known),
        )
        positions.claim(seen.account.positions, mark, adopt=self.adopt_position, tell=tell)

        return seen

    async def _look(self) -> tuple[AccountSeen, Decimal | None]:
        """What is held and what rests before anything is sent, and the mark price, where something may be strange."""
        connector, instrument = self.reconciliation.connector, self.reconciliation.instrument

        with starting("connector", connector.name):
            seen = await self.reconciliation.look()
            may_be_strange = self.environment in REAL and open_positions(seen.account.positions, instrument)

            if not may_be_strange or not isinstance(connector, PriceReading):
                return seen, None

            mark = await connector.fetch_mark(instrument)

            return seen, None if mark is None else mark.mark
