"""The ledger's sums: entries in any order, as often as they come, to money by day, line and asset.

What several entries say of one thing (an execution and its income rows, the stream's word of a settlement and the
history's) is kept together, and counts once. A bounded statement forgets the oldest of these groups and keeps sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from perpmaker.ledger.entries import (
    AccountEntry,
    FillEntry,
    FundingEntry,
    FundingReplaced,
    IncomeEntry,
    LedgerEntry,
    MarkoutEntry,
)
from perpmaker.ledger.keys import settlement_of
from perpmaker.ledger.settlements import SettlementGroup
from perpmaker.ledger.sums import Amount, Line, Sums, together
from perpmaker.ledger.trades import TRADE_KINDS, Trade
from perpmaker.model.income import IncomeKind

DAY_MS = 24 * 3_600_000

_LINES = {
    IncomeKind.REALIZED: Line.REALIZED,
    IncomeKind.FEE: Line.FEES,
    IncomeKind.FUNDING: Line.FUNDING,
    IncomeKind.TRANSFER: Line.TRANSFERS,
    IncomeKind.LIQUIDATION_FEE: Line.LIQUIDATION,
    IncomeKind.INSURANCE: Line.LIQUIDATION,
    IncomeKind.OTHER: Line.OTHER,
}


@attrs.define
class _Single:
    """A row that belongs to no trade and no settlement."""

    entry: IncomeEntry

    def amounts(self) -> Iterator[Amount]:
        record = self.entry.record
        is_of_account = record.kind is IncomeKind.OTHER and not record.symbol
        line = Line.TRANSFERS if is_of_account else _LINES[record.kind]
        yield Amount(record.venue_ms, line, record.asset, record.amount)


_Group = Trade | SettlementGroup | _Single


class Statement:
    """Sums of entries. `quote` is the market's quote asset, `most` how many groups are remembered (None: all)."""

    def __init__(self, quote: str, most: int | None = None) -> None:
        self.days: dict[int, Sums] = {}
        """Sums by UTC day, counted from 1970-01-01."""

        self._quote = quote
        self._most = most
        self._groups: dict[str, _Group] = {}
        self._replaced: set[str] = set()
        self._booked: dict[str, tuple[Amount, ...]] = {}

    def take(self, entries: Iterable[LedgerEntry]) -> None:
        """Take in entries."""
        for entry in entries:
            self.add(entry)

    def add(self, entry: LedgerEntry) -> None:
        """Take in an entry; one that is known already changes nothing."""
        match entry:
            case FillEntry():
                self._add_to_trade(entry, entry.trade_id)
            case IncomeEntry(record=record) if record.trade_id and record.kind in TRADE_KINDS:
                self._add_to_trade(entry, record.trade_id)
            case IncomeEntry(record=record) if record.kind is IncomeKind.FUNDING:
                self._settlement(entry.venue_ms, record.asset).rows[entry.key] = entry
                self._book_anew(_settlement_name(entry.venue_ms, record.asset))
            case IncomeEntry():
                self._groups[entry.key] = _Single(entry)
                self._book_anew(entry.key)
            case FundingEntry():
                self._tell(entry)
            case FundingReplaced(funding_id=funding_id):
                self._replace(funding_id)
            case AccountEntry() | MarkoutEntry():
                pass

    def total(self) -> Sums:
        """Return the sums of all days."""
        return together(self.days)

    def amounts(self) -> Iterator[Amount]:
        """Yield everything that is booked, in no order."""
        for booked in self._booked.values():
            yield from booked

    @property
    def trades(self) -> Iterator[Trade]:
        """The trades that are remembered, in the order in which they were told."""
        return (group for group in self._groups.values() if isinstance(group, Trade))

    @property
    def others(self) -> Iterator[list[tuple[Amount, IncomeEntry | FundingEntry]]]:
        """What is booked beside trades, with the entry that says it, one list for each thing."""
        for group in self._groups.values():
            if isinstance(group, SettlementGroup):
                yield list(zip(group.amounts(), group.chosen(), strict=True))
            elif isinstance(group, _Single):
                yield [(amount, group.entry) for amount in group.amounts()]

    # --- groups ----------------------------------------------------------------------------------------------------

    def _add_to_trade(self, entry: FillEntry | IncomeEntry, trade_id: str) -> None:
        name = f"trade:{trade_id}"
        trade = self._groups.get(name)

        if not isinstance(trade, Trade):
            trade = self._groups[name] = Trade(self._quote)

        self._count(trade, -1)
        trade.take(entry)
        self._count(trade, 1)
        self._book_anew(name)

    def _count(self, trade: Trade, sign: int) -> None:
        """Count the executions of a trade on the day of the first of them, or take that back."""
        if trade.fills:
            trade.count(self._day(min(one.venue_ms for one in trade.fills.values())), sign)

    def _settlement(self, venue_ms: int, asset: str) -> SettlementGroup:
        name = _settlement_name(venue_ms, asset)
        group = self._groups.get(name)

        if not isinstance(group, SettlementGroup):
            group = self._groups[name] = SettlementGroup()

        return group

    def _tell(self, entry: FundingEntry) -> None:
        if entry.funding_id in self._replaced:
            return

        self._settlement(entry.venue_ms, entry.asset).told.setdefault(entry.key, entry)
        self._book_anew(_settlement_name(entry.venue_ms, entry.asset))

    def _replace(self, funding_id: str) -> None:
        self._replaced.add(funding_id)
        key = f"told:{funding_id}"

        for name, group in self._groups.items():
            if isinstance(group, SettlementGroup) and group.told.pop(key, None) is not None:
                self._book_anew(name)
                return

    def _book_anew(self, name: str) -> None:
        """Put what a group comes to now in the place of what it came to before."""
        for amount in self._booked.pop(name, ()):
            self._day(amount.venue_ms).book(amount, -1)

        self._booked[name] = booked = tuple(self._groups[name].amounts())

        for amount in booked:
            self._day(amount.venue_ms).book(amount)

        if self._most is not None and len(self._groups) > self._most:
            oldest = next(iter(self._groups))
            del self._groups[oldest], self._booked[oldest]

    def _day(self, venue_ms: int) -> Sums:
        return self.days.setdefault(venue_ms // DAY_MS, Sums())


def _settlement_name(venue_ms: int, asset: str) -> str:
    settlement = settlement_of(venue_ms, asset)

    return f"funding:{settlement.hour}:{settlement.asset}"
