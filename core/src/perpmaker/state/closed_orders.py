"""Orders that ended: late fills and duplicated messages still find them here, the newest of them at least."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from perpmaker.model.order import Fill
from perpmaker.state.tracked_order import TrackedOrder
from perpmaker.state.view import End

CAPACITY: Final = 1_024
"""Ended orders that are remembered."""

_NOT_PROVEN = frozenset({End.NEVER_WAS, End.REFUSED})


class ClosedOrders:
    """Ended orders by client id; those of which the venue told more executed lots than fills are `settling`."""

    def __init__(self) -> None:
        self._records: dict[str, TrackedOrder] = {}
        self._settling: dict[str, TrackedOrder] = {}

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._records

    def __getitem__(self, client_id: str) -> TrackedOrder:
        return self._records[client_id]

    def __len__(self) -> int:
        return len(self._records)

    @property
    def records(self) -> Iterator[TrackedOrder]:
        """The ended orders that are remembered, the oldest first."""
        return iter(self._records.values())

    @property
    def settling(self) -> Iterator[TrackedOrder]:
        """The ended orders whose fills have not all arrived."""
        return iter(self._settling.values())

    @property
    def is_settled(self) -> bool:
        """Whether all fills of ended orders have arrived."""
        return not self._settling

    def bury(self, record: TrackedOrder) -> None:
        """Take an order that ended; the oldest is forgotten."""
        client_id = record.working.order.client_id
        self._records[client_id] = record

        if self._settling or record.has_gap:
            self._watch(record)

        if len(self._records) > CAPACITY:
            del self._records[next(iter(self._records))]

    def exhume(self, client_id: str) -> TrackedOrder | None:
        """Give back an order that was believed never to have been, because the venue shows it; None for any other."""
        record = self._records.get(client_id)

        if record is None or record.end not in _NOT_PROVEN:
            return None

        del self._records[client_id]

        return record

    def announce(self, client_id: str, filled_lots: int, now: float) -> None:
        """Take the venue's word, come late, on how much of an ended order had executed."""
        record = self._records.get(client_id)

        if record is not None and filled_lots > record.working.filled_lots:
            record.end = End.UNEXPLAINED if record.end in _NOT_PROVEN else record.end  # it was, and is no more
            record.fill_up_to(filled_lots, now)
            self._watch(record)

    def book(self, fill: Fill, lots: int, now: float) -> TrackedOrder | None:
        """Book a late fill to its order; None when it is not remembered."""
        record = self._records.get(fill.client_id)

        if record is not None:
            record.book(lots, fill.filled_lots, now)
            self._watch(record)

        return record

    def forgive(self, before: float) -> None:
        """Fills that were announced before and did not come are not waited for any more."""
        for record in list(self._settling.values()):
            if record.gap_since is None or record.gap_since <= before:
                record.forgive()
                self._watch(record)

    def _watch(self, record: TrackedOrder) -> None:
        if record.has_gap:
            self._settling[record.working.client_id] = record
        else:
            self._settling.pop(record.working.client_id, None)
