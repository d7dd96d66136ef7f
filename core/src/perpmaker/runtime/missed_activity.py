"""What the first read finds: what was executed while nobody watched, and the positions that it has come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.decision.notices import plain
from perpmaker.journal.journal import LastKnown
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.ledger.ledger import Ledger
from perpmaker.model.client_id import ClientIds
from perpmaker.model.event import Event, IncomeReported, OrderFilled, Resynced
from perpmaker.model.order import Fill, Side
from perpmaker.model.position import Position
from perpmaker.state.account import Totals, without

OLDEST_MS: Final = 7 * 24 * 3_600_000
"""Executions older than a week are not read any more at a start: the position says what came of them."""


@attrs.define(kw_only=True)
class MissedActivity:
    """Where a run begins. `before` are the sums of what earlier runs' orders did, told by the first reading."""

    known: OrderIntents
    last_known: LastKnown | None
    before: Totals = attrs.field(factory=Totals, init=False)
    _is_over: bool = attrs.field(default=False, init=False)
    _is_read: bool = attrs.field(default=False, init=False)
    _early: list[Fill] = attrs.field(factory=list, init=False)

    def lines(self, events: Sequence[Event], totals: Totals, ledger: Ledger) -> Iterator[str]:
        """Take in what happened; lines for people of the first readings. `totals` and `ledger` are as of now."""
        if not self._is_read and any(isinstance(event, IncomeReported) for event in events):
            self._is_read = True
            yield from missed_funding(ledger.funding.before())

        if self._is_over:
            return

        known = tuple(events)
        first = next((event for event in known if isinstance(event, Resynced)), None)
        mine = self.known.kind_in_this_run
        self._early += [fill for fill in fills_in(known) if mine(fill.client_id)]  # exits need not wait for the reading
        self._early += [one.fill for one in known if isinstance(one, OrderFilled) and one.fill.forced]

        if first is not None:
            self._is_over = True
            self.before = without(totals, self._early)
            yield from missed(first.fills, self.last_known, self.known.client_ids)
            yield from found(first.positions)


def missed_funding(paid: Mapping[str, Decimal]) -> Iterator[str]:
    """A line for funding that was settled before the run began, since an earlier run ended."""
    words = ", ".join(f"{plain(amount)} {asset}" for asset, amount in paid.items() if amount)

    if words:
        yield f"funding while no run watched: {words} (not in the result of this run)"


def unread_since(known: LastKnown | None, now_ms: int) -> int:
    """The venue's time from which on executions have to be read."""
    return now_ms if known is None else min(now_ms, max(known.venue_ms, now_ms - OLDEST_MS))


def fills_in(events: Iterable[Event]) -> Iterator[Fill]:
    """Every execution that the events tell of, by the stream or by a reading."""
    for event in events:
        if isinstance(event, OrderFilled):
            yield event.fill
        elif isinstance(event, Resynced):
            yield from event.fills


def missed(fills: Iterable[Fill], known: LastKnown | None, client_ids: ClientIds) -> Iterator[str]:
    """A line for each side of which orders of earlier runs were executed without any run knowing."""
    if known is None:
        return

    news = [
        fill
        for fill in fills
        if fill.trade_id not in known.trades
        and client_ids.is_ours(fill.client_id)
        and not client_ids.is_of_this_start(fill.client_id)
    ]

    for side in Side:
        ours = [fill for fill in news if fill.side is side]
        amount = sum((fill.amount for fill in ours), Decimal(0))

        if ours:
            value = sum((fill.price * fill.amount for fill in ours), Decimal(0))
            yield (
                f"executed while no run watched: {side.value} {amount.normalize():f} at {(value / amount):.8g} "
                f"on average, in {len(ours)} fills of an earlier run's orders"
            )


def found(positions: Iterable[Position]) -> Iterator[str]:
    """A line for each position that is there from the start: it is taken over, with exits of its own."""
    for position in positions:
        if position.amount:
            entry = plain(round(position.entry, 8)) if position.entry > 0 else "an unknown price"
            yield f"at the start the {position.side.value} position is {plain(position.amount)}, entered at {entry}"
