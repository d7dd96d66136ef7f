"""The ledger of a market: what the venue has booked, by asset, each thing once by the venue's own id.

It folds events into entries, which the journal keeps, and begins with those of earlier runs: what it knows already is
no new entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from perpmaker.ledger.assets import added
from perpmaker.ledger.entries import (
    AccountEntry,
    FillEntry,
    FundingEntry,
    FundingReplaced,
    IncomeEntry,
    LedgerEntry,
    MarkoutEntry,
)
from perpmaker.ledger.funding import FundingBook
from perpmaker.ledger.keys import IncomeKey, income_key
from perpmaker.ledger.statement import Statement
from perpmaker.model.event import Event, FundingPaid, IncomeReported
from perpmaker.model.income import IncomeKind, IncomeRecord

REMEMBERED = 50_000
"""Keys of entries, and things that entries are about, that are remembered while a bot runs."""

_LIQUIDATION = frozenset({IncomeKind.LIQUIDATION_FEE, IncomeKind.INSURANCE})


class Ledger:
    """Folds events. `symbol` is the venue's name of the market (None: whichever is told), `quote` its quote asset.

    `began_ms`: what was booked earlier is not the run's. `statement` has the sums of this run and of the earlier ones
    that were recalled, `funding` and `liquidation_by_asset` those of the run alone.
    """

    def __init__(self, symbol: str | None, began_ms: int, quote: str = "") -> None:
        self.funding = FundingBook(began_ms)
        self.statement = Statement(quote, REMEMBERED)
        self.news: list[LedgerEntry] = []
        """Entries that nobody has taken yet."""

        self.last_reading: AccountEntry | None = None
        """The newest reading of the account that an earlier run has booked."""

        self._symbol = symbol
        self._known: dict[str, None] = {}
        self._others: set[str] = set()
        self._liquidation: dict[IncomeKey, IncomeRecord] = {}
        self._reckoned: dict[str, Decimal] = {}
        self.rounding = Decimal(0)
        """What the venue's own profits come to beyond those of our book, where its fills tell none."""

        self._account: AccountEntry | None = None
        self._opened_ms: int | None = None

    # --- from one run to the next ----------------------------------------------------------------------------------

    def begin(self, began_ms: int) -> None:
        """Say when the run begins, by the venue's clock."""
        self.funding.began_ms = began_ms

    def recall(self, entries: Iterable[LedgerEntry], now: float, known_ms: int | None = None) -> None:
        """Begin with what earlier runs have booked.

        `known_ms` is the venue's time up to which an earlier run knew the account, None where there was none.
        """
        replaced = set()
        self._opened_ms = known_ms

        for entry in entries:
            self.statement.add(entry)
            self._know(entry)

            if isinstance(entry, FundingEntry):
                self.funding.recall(entry, now)
            elif isinstance(entry, FundingReplaced):
                replaced.add(entry.funding_id)
            elif isinstance(entry, AccountEntry):
                self.last_reading = entry
                self._opened_ms = min(entry.at_ms, entry.at_ms if self._opened_ms is None else self._opened_ms)

        self.funding.forget(replaced)

    # --- what is booked --------------------------------------------------------------------------------------------

    def fold(self, events: Iterable[Event], now: float) -> None:
        """Book what events say of funding and of the venue's income history."""
        for event in events:
            if isinstance(event, FundingPaid):
                self._tell(event, now)
            elif isinstance(event, IncomeReported):
                self._read(event)

    def fill(self, entry: FillEntry) -> bool:
        """Book an execution; False when it was booked before, and nothing new is known of it."""
        if entry.key in self._known and not (entry.ours and entry.key in self._others):
            return False

        self._others.discard(entry.key)
        self._book(entry)

        if entry.ours and entry.realized is None and entry.own_profit:
            self._reckoned[entry.trade_id] = entry.own_profit

        return True

    def account(self, entry: AccountEntry) -> None:
        """Book a reading of the account, where it says more than the one before it."""
        known = self._account
        self._opened_ms = entry.at_ms if self._opened_ms is None else self._opened_ms
        is_flat = not any(position.amount for position in entry.positions)

        if known is None or not is_flat or _amounts(known) != _amounts(entry):
            self._account = entry
            self._book(entry)

    def markouts(self, entries: Iterable[MarkoutEntry]) -> None:
        """Book where the book was some time after fills."""
        self.news.extend(entries)

    def take(self) -> tuple[LedgerEntry, ...]:
        """Return the entries that are new, for the journal."""
        taken, self.news = tuple(self.news), []

        return taken

    @property
    def liquidation_by_asset(self) -> dict[str, Decimal]:
        """What liquidations cost beside profit and fees, and what the insurance fund paid, signed from our side."""
        return added(*({record.asset: record.amount} for record in self._liquidation.values()))

    def _tell(self, event: FundingPaid, now: float) -> None:
        self.funding.tell(event, now)
        told = FundingEntry(
            funding_id=event.funding_id, asset=event.asset, amount=event.amount, venue_ms=event.venue_ms
        )

        if told.key not in self._known:
            self._book(told)

    def _read(self, event: IncomeReported) -> None:
        symbols = None if self._symbol is None else {self._symbol, ""}
        mine = [IncomeEntry(record=one) for one in event.records if symbols is None or one.symbol in symbols]
        opened_ms = 0 if self._opened_ms is None else self._opened_ms
        new = [entry for entry in mine if entry.key not in self._known and entry.venue_ms > opened_ms]

        for entry in new:
            self._book(entry)

            if entry.record.kind is IncomeKind.REALIZED and entry.record.trade_id in self._reckoned:
                self.rounding += entry.record.amount - self._reckoned.pop(entry.record.trade_id)

            if entry.record.kind in _LIQUIDATION and entry.venue_ms >= self.funding.began_ms:
                self._liquidation.setdefault(income_key(entry.record), entry.record)

        for funding_id in self.funding.read((entry.record for entry in new), event.asked_at):
            self._book(FundingReplaced(funding_id=funding_id, venue_ms=max((one.venue_ms for one in mine), default=0)))

    def _book(self, entry: LedgerEntry) -> None:
        self.statement.add(entry)
        self._know(entry)
        self.news.append(entry)

    def _know(self, entry: LedgerEntry) -> None:
        self._known[entry.key] = None

        if isinstance(entry, FillEntry) and not entry.ours:
            self._others.add(entry.key)

        if len(self._known) > REMEMBERED:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._others.discard(oldest)


def _amounts(entry: AccountEntry) -> object:
    """What of a reading is money or a position, without the times."""
    held = tuple((one.side, one.amount, one.entry) for one in entry.positions)

    return tuple((one.asset, one.amount) for one in entry.wallets), held
