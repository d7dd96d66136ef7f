"""By which of the venue's ids an entry is known, so that whatever is told twice is booked once."""

from __future__ import annotations

from typing import NamedTuple

from perpmaker.model.income import IncomeRecord

_HOUR_MS = 3_600_000


class IncomeKey(NamedTuple):
    """A row of the venue's income history: its id is unique only within its kind, asset and market."""

    word: str
    income_id: str
    asset: str
    symbol: str


class Settlement(NamedTuple):
    """One funding settlement in one asset, by its hour: it is on the hour, and booked within seconds of it."""

    hour: int
    asset: str


def income_key(record: IncomeRecord) -> IncomeKey:
    """Return the key of a row of the income history."""
    return IncomeKey(record.word, record.income_id, record.asset, record.symbol)


def settlement_of(venue_ms: int, asset: str) -> Settlement:
    """Return the settlement that a payment of this time belongs to: that of the nearest full hour."""
    return Settlement((venue_ms + _HOUR_MS // 2) // _HOUR_MS, asset)
