"""Funding: told at once by the account's stream, and for good by the venue's income history; booked once.

The stream's event has no id of the venue, may be missing (the stream was away), come twice, or stand for both legs of a
Hedge position; the rows of the history are complete, but appear a little later. So an event counts until the history
has been read that must contain it, and beside rows of its settlement only where it says more than they do.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from perpmaker.ledger.assets import added
from perpmaker.ledger.entries import FundingEntry
from perpmaker.ledger.keys import IncomeKey, Settlement, income_key, settlement_of
from perpmaker.ledger.settlements import says_more
from perpmaker.model.event import FundingPaid
from perpmaker.model.income import IncomeKind, IncomeRecord

COMPLETE_AFTER_S = 60.0
"""Seconds after which the venue's income history shows a payment; until then a row may still be missing."""

_ZERO = Decimal(0)


@attrs.frozen
class _Told:
    """An event of the stream, and when it came."""

    event: FundingPaid | FundingEntry
    at: float


class FundingBook:
    """Funding by asset. `began_ms` is the venue's time from which on payments count: the run's own."""

    def __init__(self, began_ms: int) -> None:
        self.began_ms = began_ms
        self._rows: dict[IncomeKey, IncomeRecord] = {}
        self._told: dict[str, _Told] = {}
        self._earlier: dict[str, _Told] = {}

    def tell(self, event: FundingPaid, now: float) -> None:
        """Book what the stream says, once by the event's id."""
        if event.funding_id not in self._earlier:
            self._told.setdefault(event.funding_id, _Told(event, now))

    def recall(self, entry: FundingEntry, now: float) -> None:
        """Remember what the stream had told an earlier run: it is that run's, and the history replaces it too."""
        self._earlier[entry.funding_id] = _Told(entry, now)

    def forget(self, funding_ids: Iterable[str]) -> None:
        """Forget what an earlier run was told and the history has replaced."""
        for funding_id in funding_ids:
            self._earlier.pop(funding_id, None)

    def read(self, records: Iterable[IncomeRecord], asked_at: float) -> list[str]:
        """Book the rows of the history, as it was asked for.

        Returns:
            The ids of events that they must contain: those have had their time.
        """
        for record in records:
            if record.kind is IncomeKind.FUNDING:
                self._rows.setdefault(income_key(record), record)

        last = asked_at - COMPLETE_AFTER_S
        old = [name for name, told in (self._told | self._earlier).items() if told.at <= last]

        for name in old:
            self._told.pop(name, None)
            self._earlier.pop(name, None)

        return old

    @property
    def by_asset(self) -> dict[str, Decimal]:
        """Funding of the run, signed from our side (negative: paid)."""
        rows = [row for row in self._rows.values() if row.venue_ms >= self.began_ms]
        of_rows = _by_settlement((row.venue_ms, row.asset, row.amount) for row in rows)
        events = [told.event for told in self._told.values()]
        of_events = _by_settlement((event.venue_ms, event.asset, event.amount) for event in events)
        more = {key: told for key, told in of_events.items() if says_more(told, of_rows.get(key, []))}
        chosen = {**of_rows, **more}

        return added(*({settlement.asset: sum(amounts, _ZERO)} for settlement, amounts in chosen.items()))

    def before(self) -> dict[str, Decimal]:
        """Funding of the history that was paid before the run began, and that no earlier run was told of."""
        events = [one.event for one in self._earlier.values()]
        told = {(settlement_of(event.venue_ms, event.asset), event.amount) for event in events}
        early = (row for row in self._rows.values() if row.venue_ms < self.began_ms)
        news = (row for row in early if (settlement_of(row.venue_ms, row.asset), row.amount) not in told)

        return added(*({row.asset: row.amount} for row in news))


def _by_settlement(payments: Iterable[tuple[int, str, Decimal]]) -> dict[Settlement, list[Decimal]]:
    """The amounts of each settlement."""
    found: dict[Settlement, list[Decimal]] = {}

    for venue_ms, asset, amount in payments:
        found.setdefault(settlement_of(venue_ms, asset), []).append(amount)

    return found
