"""One trade in the ledger: its executions as the stream or a question told them, and the income rows that book it.

Both say the same money. The history is the venue's own book, so its rows count as soon as they are there; until then,
and where it has none, what the executions said.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.ledger.entries import FillEntry, IncomeEntry
from perpmaker.ledger.sums import ZERO, Amount, Line, Sums
from perpmaker.model.income import IncomeKind

TRADE_KINDS = frozenset({IncomeKind.REALIZED, IncomeKind.FEE})
"""Kinds of income that belong to a trade, where the venue names it."""


@attrs.define
class Trade:
    """All that is told under one trade id. `quote` is the asset of profits."""

    quote: str
    fills: dict[str, FillEntry] = attrs.field(factory=dict)
    rows: dict[str, IncomeEntry] = attrs.field(factory=dict)

    def take(self, entry: FillEntry | IncomeEntry) -> None:
        """Take in what is told; the newest word under a key counts."""
        if isinstance(entry, FillEntry):
            known = self.fills.get(entry.key)
            self.fills[entry.key] = entry if known is None else _merged(known, entry)
        else:
            self.rows[entry.key] = entry

    def amounts(self) -> Iterator[Amount]:
        """Yield profit and fees of the trade, each once."""
        yield from self.fees()
        yield from self.profits()

    def fees(self) -> Iterator[Amount]:
        """Yield the fees, negative when paid."""
        told = (one for one in self.fills.values() if one.fee)

        return self._chosen(
            IncomeKind.FEE, [Amount(one.venue_ms, _line(one, Line.FEES), one.fee_asset, -one.fee) for one in told]
        )

    def profits(self) -> Iterator[Amount]:
        """Yield the realised profit."""
        fills = self.fills.values()

        if any(one.realized is None for one in fills) and self.rows:  # the venue's history alone knows the profit
            return self._of_rows(IncomeKind.REALIZED)

        told = (one for one in fills if one.profit)

        return self._chosen(
            IncomeKind.REALIZED,
            [Amount(one.venue_ms, _line(one, Line.REALIZED), self.quote, one.profit) for one in told],
        )

    def _chosen(self, kind: IncomeKind, told: list[Amount]) -> Iterator[Amount]:
        """The rows, once there are as many as there are executions with something to book."""
        rows = list(self._of_rows(kind))
        is_mixed = len({one.ours for one in self.fills.values()}) > 1  # rows do not say which execution they are of

        return iter(rows if rows and len(rows) >= len(told) and not is_mixed else told)

    def _of_rows(self, kind: IncomeKind) -> Iterator[Amount]:
        line = Line.FEES if kind is IncomeKind.FEE else Line.REALIZED

        if not any(one.ours for one in self.fills.values()):
            line = Line.BY_HAND

        for entry in self.rows.values():
            record = entry.record

            if record.kind is kind:
                yield Amount(record.venue_ms, line, record.asset, record.amount)

    def count(self, sums: Sums, sign: int) -> None:
        """Count executions of ours, their volume, and what they won against the middle of the book."""
        for fill in self.fills.values():
            if fill.ours:
                sums.fills += sign
                sums.volume += sign * fill.price * fill.amount
                sums.unsplit += sign * (fill.spread is None)
                sums.spread += sign * (fill.spread or ZERO)


def _line(fill: FillEntry, line: Line) -> Line:
    return line if fill.ours else Line.BY_HAND


def _merged(known: FillEntry, entry: FillEntry) -> FillEntry:
    """The newer word, with what only the older one knew: an order may turn out to be ours later."""
    return attrs.evolve(
        entry,
        ours=known.ours or entry.ours,
        what=entry.what or known.what,
        mid=known.mid if known.mid is not None else entry.mid,
        realized=entry.realized if entry.realized is not None else known.realized,
        own_profit=entry.own_profit or known.own_profit,
        fee=entry.fee or known.fee,
        fee_asset=entry.fee_asset if entry.fee else known.fee_asset,
    )
