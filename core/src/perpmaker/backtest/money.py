"""What a run has earned, by the ledger's rules, at any moment of it: sums since it began to count."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker.backtest.kept import Kept
from perpmaker.backtest.result import Payment
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.ledger.statement import Statement
from perpmaker.ledger.sums import ZERO, Line, Sums, together
from perpmaker.report.history import DayHistory, MoneyHistory, PnlSplit, day_history, money_history, split_of

REMEMBERED: Final = 20_000
"""Trades and payments of which it is remembered what was told; sums are kept of all."""

MOST_PAYMENTS: Final = 2_000

_BESIDE_TRADES: Final = frozenset({Line.FUNDING, Line.LIQUIDATION, Line.OTHER, Line.TRANSFERS})


class Money:
    """Books entries. `quote` is the market's quote asset."""

    def __init__(self, quote: str) -> None:
        self._quote = quote
        self._statement = Statement(quote, REMEMBERED)
        self._before: dict[int, Sums] = {}
        self._opening: Decimal | None = None
        self._has_opened = False
        self._booked: tuple[Decimal, Decimal, Decimal, Decimal] | None = (ZERO, ZERO, ZERO, ZERO)

    def take(self, entry: LedgerEntry) -> None:
        """Book an entry, once."""
        self._statement.add(entry)
        self._booked = None

    def open(self, unrealized: Decimal | None) -> None:
        """Take in what the position is worth by a reading; the first one is what it began with."""
        if not self._has_opened:
            self._has_opened, self._opening = True, unrealized

    def begin(self, unrealized: Decimal | None) -> None:
        """Count from now on: what was booked before, and the profit that was open then, are not of the run."""
        self._before = {day: _negated(sums) for day, sums in self._statement.days.items()}
        self._has_opened, self._opening = True, unrealized
        self._booked = None

    def now(self, unrealized: Decimal | None) -> tuple[Decimal, Decimal | None, Decimal, Decimal, Decimal | None]:
        """Return spread, inventory, fees, funding and their total, in quote asset."""
        if self._booked is None:
            self._booked = self._sums_now()

        spread, booked, fees, funding = self._booked
        opening = self._opening if self._has_opened else ZERO

        if unrealized is None or opening is None:
            return spread, None, fees, funding, None

        inventory = booked + unrealized - opening - spread

        return spread, inventory, fees, funding, spread + inventory + fees + funding

    def split(self, unrealized: Decimal | None) -> PnlSplit:
        """Return where the result comes from."""
        return split_of(self._total(), self._quote, self._opening if self._has_opened else ZERO, unrealized)

    def history(self) -> MoneyHistory:
        """Return the sums of all that counts."""
        return money_history(self._total(), self._quote)

    def days(self) -> tuple[DayHistory, ...]:
        """Return the sums of each day on which anything was booked."""
        found = self._days()

        return tuple(
            day_history(day, found[day], self._quote)
            for day in sorted(found)
            if found[day].fills or any(found[day].money.values())
        )

    def payments(self, since_ms: int) -> Kept[Payment]:
        """Return what was booked beside trades, oldest first."""
        found = [
            Payment(at_ms=amount.venue_ms, line=amount.line.value, asset=amount.asset, amount=amount.amount)
            for group in self._statement.others
            for amount, _ in group
            if amount.line in _BESIDE_TRADES and amount.venue_ms >= since_ms
        ]
        found.sort(key=lambda one: one.at_ms)

        return Kept(items=tuple(found[-MOST_PAYMENTS:]), left_out=max(0, len(found) - MOST_PAYMENTS))

    def _sums_now(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        total, quote = self._total(), self._quote
        booked = total.by_asset(Line.REALIZED, Line.LIQUIDATION, Line.OTHER).get(quote, ZERO)

        return (
            total.spread,
            booked,
            total.by_asset(Line.FEES).get(quote, ZERO),
            total.by_asset(Line.FUNDING).get(quote, ZERO),
        )

    def _total(self) -> Sums:
        return together(self._days())

    def _days(self) -> dict[int, Sums]:
        days = {day: _copied(sums) for day, sums in self._statement.days.items()}

        for day, sums in self._before.items():
            days.setdefault(day, Sums()).add(sums)

        return days


def _copied(sums: Sums) -> Sums:
    copy = Sums()
    copy.add(sums)

    return copy


def _negated(sums: Sums) -> Sums:
    return Sums(
        fills=-sums.fills,
        volume=-sums.volume,
        spread=-sums.spread,
        unsplit=-sums.unsplit,
        money={key: -amount for key, amount in sums.money.items()},
    )
