"""The ledger of a run: what the venue has booked for its market, by asset, each payment once."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from perpmaker.ledger.assets import added
from perpmaker.ledger.funding import FundingBook
from perpmaker.ledger.keys import IncomeKey, income_key
from perpmaker.model.event import Event, FundingPaid, IncomeReported
from perpmaker.model.income import IncomeKind, IncomeRecord

_LIQUIDATION = frozenset({IncomeKind.LIQUIDATION_FEE, IncomeKind.INSURANCE})


class Ledger:
    """Folds events. `symbol` is the venue's name of the market.

    `began_ms`: what was booked earlier is not the run's.

    Fees and realised profit come with the fills, from the account's own sums: the history has them once more.
    """

    def __init__(self, symbol: str, began_ms: int) -> None:
        self.funding = FundingBook(began_ms)
        self._symbol = symbol
        self._began_ms = began_ms
        self._liquidation: dict[IncomeKey, IncomeRecord] = {}

    def fold(self, events: Iterable[Event], now: float) -> None:
        """Book what the events say."""
        for event in events:
            if isinstance(event, FundingPaid):
                self.funding.tell(event, now)
            elif isinstance(event, IncomeReported):
                self._read(event)

    @property
    def liquidation_by_asset(self) -> dict[str, Decimal]:
        """What liquidations cost beside profit and fees, and what the insurance fund paid, signed from our side."""
        return added(*({record.asset: record.amount} for record in self._liquidation.values()))

    def _read(self, event: IncomeReported) -> None:
        mine = [record for record in event.records if record.symbol == self._symbol]
        self.funding.read(mine, event.asked_at)

        for record in mine:
            if record.kind in _LIQUIDATION and record.venue_ms >= self._began_ms:
                self._liquidation.setdefault(income_key(record), record)
