"""Keeps what trading has come to: of the market by the ledger, of the account by its equity less transfers.

The equity jumps with a transfer at once, and the venue's history tells of it later. A reading of the account therefore
counts when the history has been read that must contain every transfer before it, or when none has come for long.
Between two such readings the account's result moves with the market's own.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from math import inf

import attrs

from perpmaker.ledger.entries import AccountEntry, IncomeEntry, LedgerEntry
from perpmaker.ledger.funding import COMPLETE_AFTER_S
from perpmaker.ledger.ledger import Ledger
from perpmaker.ledger.statement import DAY_MS
from perpmaker.ledger.sums import RESULT
from perpmaker.model.event import Event, IncomeReported
from perpmaker.model.income import IncomeKind
from perpmaker.model.results import KeptResults, Results
from perpmaker.state.state import State

UNCOVERED_S = 120.0
"""Seconds after which a reading counts though no history of transfers has come: the venue may have none."""

BESIDE_MS = 2_000
"""A reading so near to a transfer may contain it or not, and does not count."""

_ZERO = Decimal(0)


@attrs.frozen
class _Reading:
    """The equity of a reading, the market's result then, and when: on the engine's clock, and on the venue's."""

    equity: Decimal
    result: Decimal
    at: float
    ms: int


class ResultsKeeper:
    """Folds after the ledger; `see` answers what there is, and is cheap while nothing has changed."""

    def __init__(self, state: State, ledger: Ledger) -> None:
        self.kept = KeptResults()
        self._state = state
        self._ledger = ledger
        self._base = _ZERO
        self._left: Decimal | None = None
        self._beside: Decimal | None = None
        self._readings: deque[_Reading] = deque()
        self._transfers: dict[str, tuple[int, Decimal]] = {}
        self._covered_at = self._read_at = -inf
        self._now = Results()
        self._is_stale = True
        self._ends_ms = 0

    # --- from one run to the next ----------------------------------------------------------------------------------

    def recall(self, kept: KeptResults, last: AccountEntry | None) -> None:
        """Begin with what an earlier run has left, once the ledger has its entries; `last` is its newest reading."""
        self.kept = kept
        self._base = self._booked_here()
        unrealized = None if last is None else last.unrealized
        self._left = kept.booked + (unrealized or _ZERO)

    def begin_anew(self, utc_ms: int) -> None:
        """Count from here: a person has resumed after a halt."""
        kept = self.kept
        self.kept = KeptResults(booked=kept.booked, transferred=kept.transferred, resumed_ms=utc_ms)
        self._left = None
        self._is_stale = True

    # --- what happens ----------------------------------------------------------------------------------------------

    def fold(self, event: Event) -> None:
        """Take in what was booked just now."""
        self._is_stale = True

        if type(event) is IncomeReported:
            self._covered_at = max(self._covered_at, event.asked_at - COMPLETE_AFTER_S)
            self._transfers.update(self._transferred(self._ledger.news))

    def _transferred(self, entries: list[LedgerEntry]) -> dict[str, tuple[int, Decimal]]:
        """The transfers of the quote asset among entries."""
        quote = self._state.instrument.quote

        return {
            entry.key: (entry.venue_ms, entry.record.amount)
            for entry in entries
            if isinstance(entry, IncomeEntry)
            and entry.record.kind is IncomeKind.TRANSFER
            and entry.record.asset == quote
        }

    def see(self, now: float) -> Results:
        """Return the results of now; before the account and the venue's clock are known there are none."""
        state = self._state
        ms = state.clock.ms(now)

        if ms is None:
            return self._now

        facts = state.funds.facts
        is_due = bool(self._readings) and (
            self._readings[0].at <= self._covered_at or self._readings[0].at + UNCOVERED_S <= now
        )

        if not self._is_stale and not is_due and facts.asked_at == self._read_at and ms < self._ends_ms:
            return self._now

        booked = self.kept.booked + self._booked_here() - self._base
        unrealized = state.account.unrealized(state.market.mark)

        if unrealized is None:  # the mark price is not known yet
            return self._now

        self._base = self._booked_here()
        self._is_stale = False
        result = booked + unrealized
        self.kept = attrs.evolve(self.kept, booked=booked)
        self._begin_day(ms, result)

        if facts.asked_at > self._read_at:
            self._read_at = facts.asked_at
            self._take_reading(facts.equity, result, now)

        self._settle(now)
        self._ends_ms = (ms // DAY_MS + 1) * DAY_MS
        self._now = self._results()

        return self._now

    def _booked_here(self) -> Decimal:
        """What the ledger has booked as the bot's result, in quote asset, as far back as it was recalled."""
        quote = self._state.instrument.quote
        days = self._ledger.statement.days.values()

        return sum((sums.money.get((line, quote), _ZERO) for sums in days for line in RESULT), _ZERO)

    def _begin_day(self, ms: int, result: Decimal) -> None:
        """Begin a day that has come: with what the last run left, where it came while none was running."""
        day, kept = ms // DAY_MS, self.kept

        if day != kept.day:
            began = result if kept.day is None or self._left is None else self._left
            peak = result if kept.peak is None else kept.peak
            self.kept = attrs.evolve(kept, day=day, day_began=began, peak=peak, equity_day_began=self._equity(result))

        self._left = None

    def _equity(self, result: Decimal) -> Decimal | None:
        """The account's equity less transfers, as far as it is known, with the market's result of now."""
        return None if self._beside is None else self._beside + result

    def _take_reading(self, equity: Decimal | None, result: Decimal, now: float) -> None:
        """Note the market's result at a reading, and the equity until it counts."""
        if self.kept.peak is None or result > self.kept.peak:
            self.kept = attrs.evolve(self.kept, peak=result)

        at = self._read_at
        ms = self._state.clock.ms(at)

        if equity is not None and ms is not None and at <= now:
            self._readings.append(_Reading(equity, result, at, ms))

    def _settle(self, now: float) -> None:
        """Let readings count that the history of transfers covers."""
        while self._readings and (
            self._readings[0].at <= self._covered_at or self._readings[0].at + UNCOVERED_S <= now
        ):
            reading = self._readings.popleft()

            if any(abs(ms - reading.ms) <= BESIDE_MS for ms, _ in self._transfers.values()):
                continue

            self._count_transfers(reading.ms)
            equity = reading.equity - self.kept.transferred
            self._beside = equity - reading.result
            peak, began = self.kept.equity_peak, self.kept.equity_day_began
            self.kept = attrs.evolve(
                self.kept,
                equity_peak=equity if peak is None else max(peak, equity),
                equity_day_began=equity if began is None else began,
            )

    def _count_transfers(self, until_ms: int) -> None:
        """Count the transfers that a reading of this time contains."""
        past = {key: amount for key, (ms, amount) in self._transfers.items() if ms <= until_ms}
        self.kept = attrs.evolve(self.kept, transferred=self.kept.transferred + sum(past.values(), _ZERO))

        for key in past:
            del self._transfers[key]

    def _results(self) -> Results:
        kept = self.kept

        return Results(
            booked=kept.booked,
            day_began=kept.day_began,
            peak=kept.peak,
            equity_beside=self._beside,
            equity_day_began=kept.equity_day_began,
            equity_peak=kept.equity_peak,
            day_ends_at=self._state.clock.at(self._ends_ms),
        )
