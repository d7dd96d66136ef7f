"""Executions of which the venue cannot tell the order's client id, and that are those of a close of ours.

A close whose answer was lost may be one that the venue says not to know, and the history of the account knows orders
by the venue's numbers only. An execution without a name is ours where a closing order at market of ours has no other
explanation, and side, position, amount and time are that order's. Orders that may rest are never guessed at: one that
is taken for filled and rests would be nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from perpmaker.model.event import Event, Resynced
from perpmaker.model.order import NEVER_RESTS, Fill, OrderStatus
from perpmaker.state.state import State
from perpmaker.state.tracked_order import TrackedOrder
from perpmaker.state.view import End

REMEMBERED: Final = 64
"""Orders of the venue whose names are remembered: each reading tells of them once more."""

BEFORE_MS: Final = 5_000
"""How far the venue's time of an execution may lie before the moment at which the order was sent."""


class NamelessFills:
    """Gives such executions our client id, the same one each time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, str] = {}

    def named(self, events: Sequence[Event]) -> Sequence[Event]:
        """The events with our ids in them; the same object where there is nothing to name."""
        for event in events:  # nearly all are of the market, and each of them comes by here
            if type(event) is Resynced and any(map(_is_nameless, event.fills)):
                return tuple(self._resynced(one) if isinstance(one, Resynced) else one for one in events)

        return events

    def _resynced(self, event: Resynced) -> Resynced:
        groups: dict[str, list[Fill]] = {}

        for fill in filter(_is_nameless, event.fills):
            groups.setdefault(fill.venue_id, []).append(fill)

        for venue_id, fills in groups.items():
            if venue_id not in self._known and (order := self._meant(fills, event)) is not None:
                self._known[venue_id] = order.working.client_id

        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

        return attrs.evolve(event, fills=tuple(map(self._fill, event.fills)))

    def _fill(self, fill: Fill) -> Fill:
        client_id = self._known.get(fill.venue_id) if _is_nameless(fill) else None

        return fill if client_id is None else attrs.evolve(fill, client_id=client_id)

    def _meant(self, fills: Sequence[Fill], event: Resynced) -> TrackedOrder | None:
        """Our close that these executions are of, the oldest where there are several; None where they are of none."""
        lots = sum(self._state.instrument.lots_down(fill.amount) for fill in fills)
        first, taken = fills[0], set(self._known.values())

        return min(
            (
                record
                for record in self._unexplained()
                if record.working.client_id not in taken
                and record.working.slot.side is first.side
                and record.working.slot.position_side is first.position_side
                and record.working.order.lots == lots
                and self._sent_ms(record, event) - BEFORE_MS <= min(fill.venue_ms for fill in fills)
            ),
            key=lambda record: record.working.sent_at,
            default=None,
        )

    def _unexplained(self) -> Iterator[TrackedOrder]:
        """Closing orders at market that the venue has never shown: of unknown outcome, or said never to have been."""
        orders = self._state.orders
        live = (record for record in orders.live.values() if record.working.status is OrderStatus.UNKNOWN)

        yield from filter(_is_close, live)
        yield from filter(_is_close, (record for record in orders.finished.records if record.end is End.NEVER_WAS))

    def _sent_ms(self, record: TrackedOrder, event: Resynced) -> float:
        """When an order was sent, by the venue's clock."""
        asked_ms = event.venue_ms if event.asked_ms is None else event.asked_ms

        return asked_ms - (event.began_at - record.working.sent_at) * 1000


def _is_nameless(fill: Fill) -> bool:
    return not fill.client_id and not fill.forced and not fill.of_position


def _is_close(record: TrackedOrder) -> bool:
    working = record.working

    return not record.known and working.slot.kind.is_exit and working.order.type in NEVER_RESTS
