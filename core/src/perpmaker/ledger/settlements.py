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

    def amounts(self) -> Iterator[Amount]:
        """Yield the payments, each once: the rows, or what the stream told where it says more than they do yet."""
        rows = [Amount(one.venue_ms, Line.FUNDING, one.record.asset, one.record.amount) for one in self.rows.values()]
        told = [Amount(one.venue_ms, Line.FUNDING, one.asset, one.amount) for one in self.told.values()]
        is_more = says_more([one.amount for one in told], [one.amount for one in rows])

        return iter(told if is_more else rows)


def says_more(told: Sequence[Decimal], rows: Sequence[Decimal]) -> bool:
    """Whether events of a settlement say what its rows do not yet: one may be of two legs, a row may be missing."""
    return len(told) >= len(rows) and sum(told, ZERO) != sum(rows, ZERO)
