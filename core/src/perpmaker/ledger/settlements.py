"""One funding settlement in the ledger: rows of the history, and what the stream told beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import attrs

from perpmaker.ledger.entries import FundingEntry, IncomeEntry
from perpmaker.ledger.sums import ZERO, Amount, Line


@attrs.define
class SettlementGroup:
    """What is told of one settlement in one asset."""

    rows: dict[str, IncomeEntry] = attrs.field(factory=dict)
    told: dict[str, FundingEntry] = attrs.field(factory=dict)

    def chosen(self) -> Sequence[IncomeEntry | FundingEntry]:
        """Return what counts: the rows, or what the stream told where it says more than they do yet."""
        rows, told = list(self.rows.values()), list(self.told.values())

        return told if says_more([one.amount for one in told], [one.record.amount for one in rows]) else rows

    def amounts(self) -> Iterator[Amount]:
        """Yield the payments, each once."""
        for one in self.chosen():
            told = one.record if isinstance(one, IncomeEntry) else one
            yield Amount(told.venue_ms, Line.FUNDING, told.asset, told.amount)


def says_more(told: Sequence[Decimal], rows: Sequence[Decimal]) -> bool:
    """Whether events of a settlement say what its rows do not yet: one may be of two legs, a row may be missing."""
    return len(told) >= len(rows) and sum(told, ZERO) != sum(rows, ZERO)
