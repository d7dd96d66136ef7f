"""One look at the live orders, in which everything is found out that several parts of a decision ask of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final

from perpmaker.model.order import NewOrder, Slot
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.tracked_order import TrackedOrder

UNADOPTED: Final = -1
"""The level of an order that nothing is ever wanted in the place of, so that it is cancelled."""


class Survey:
    """What the look has found. It is right until an order changes; then the index of orders looks again.

    `working`: every live order, oldest first; `by_slot`: the newest of each slot; `others`: those that are no quotes.
    `gaps`: orders whose announced fills have not all arrived. `is_blocked`: the outcome of a command is unknown, or
    fills are missing, or a quote is taken off of which nobody knows the slot. `has_cut`: the venue took less of one
    than we asked for; `has_outdated`: an amend was not made. `highest_bid`, `lowest_ask`: where quotes and targets rest
    nearest to the market, infinitely far where none does. `is_quoted`: a quote rests, whatever is under way about it.
    Times of the engine's clock: `sent` has those of commands under way, `asks` when the venue is asked about an order,
    `again` when a refused cancel goes again, `cuts` when the venue cut an order, and `unshown` when an order was
    accepted that the private stream has not shown.
    """

    __slots__ = (
        "again",
        "asks",
        "by_slot",
        "cuts",
        "gaps",
        "has_outdated",
        "highest_bid",
        "is_blocked",
        "is_quoted",
        "lowest_ask",
        "others",
        "sent",
        "unshown",
        "working",
    )

    def __init__(self, records: Iterable[TrackedOrder] = ()) -> None:
        self.working: list[WorkingOrder] = []
        self.by_slot: dict[Slot, WorkingOrder] = {}
        self.others: list[WorkingOrder] = []
        self.gaps: list[TrackedOrder] = []
        self.sent: list[float] = []
        self.asks: list[float] = []
        self.again: list[float] = []
        self.cuts: list[float] = []
        self.unshown: list[float] = []
        self.has_outdated = is_blocked = is_quoted = False
        working, by_slot, resting = self.working, self.by_slot, []

        for record in records:  # one loop without a call: it is gone through for each order at each decision
            order = record.working
            slot, status = order.order.slot, order.status
            working.append(order)

            if slot not in by_slot or order.sent_at >= by_slot[slot].sent_at:
                by_slot[slot] = order

            if not slot.kind.is_quote:
                self.others.append(order)
            else:
                is_blocked = is_blocked or slot.level == UNADOPTED
                is_quoted = is_quoted or not (status.is_pending or status.is_unknown)

            if status.is_open:
                resting.append(order.order)
            elif status.is_in_flight:
                self.sent.append(order.changed_at)
            elif status.is_unknown:
                is_blocked = True

            if not (
                record.ask_at is None
                and record.gap_since is None
                and not record.cancel_at
                and record.cut_at is None
                and not record.is_outdated
                and order.filled_lots <= record.booked_lots + record.forgiven_lots
                and (order.confirmed or record.accepted_at is None)
            ):
                is_blocked = self._note(record) or is_blocked

        self.is_blocked, self.is_quoted = is_blocked, is_quoted
        self.highest_bid, self.lowest_ask = -inf, inf
        self._look_where(resting)

    def _note(self, record: TrackedOrder) -> bool:
        """Look at an order about which something is not as it should be, or not yet. Whether it blocks quotes."""
        self.has_outdated = self.has_outdated or record.is_outdated

        if record.gap_since is not None:
            self.gaps.append(record)

        if record.ask_at is not None:
            self.asks.append(record.ask_at)

        if record.cancel_at:
            self.again.append(record.cancel_at)

        if record.cut_at is not None:
            self.cuts.append(record.cut_at)

        if record.accepted_at is not None and not record.working.confirmed:
            self.unshown.append(record.accepted_at)

        return record.has_gap

    def _look_where(self, resting: Iterable[NewOrder]) -> None:
        for order in resting:
            ticks = order.ticks

            if ticks is None or not order.type.rests:
                continue

            if order.slot.side.sign > 0:
                self.highest_bid = max(self.highest_bid, ticks)
            else:
                self.lowest_ask = min(self.lowest_ask, ticks)
