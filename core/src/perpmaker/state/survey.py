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
        self.is_blocked = self.is_quoted = self.has_outdated = False
        self.highest_bid, self.lowest_ask = -inf, inf

        add = self.working.append

        for record in records:  # one loop without a call: it is gone through for each order at each decision
            working = record.working
            order = working.order
            slot, status = order.slot, working.status
            known = self.by_slot.get(slot)
            add(working)

            if known is None or working.sent_at >= known.sent_at:
                self.by_slot[slot] = working

            if not slot.kind.is_quote:
                self.others.append(working)
            elif slot.level == UNADOPTED:
                self.is_blocked = True

            if status.is_open:
                self._look_where(order)
            elif status.is_in_flight:
                self.sent.append(working.changed_at)
                self.is_quoted = self.is_quoted or (slot.kind.is_quote and not status.is_pending)
            elif status.is_unknown:
                self.is_blocked = True

            if not record.is_calm:
                self._note(record)

    def _note(self, record: TrackedOrder) -> None:
        """Look at an order about which something is not as it should be, or not yet."""
        self.has_outdated = self.has_outdated or record.is_outdated
        self.is_blocked = self.is_blocked or record.has_gap

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

    def _look_where(self, order: NewOrder) -> None:
        """Look at an order that rests."""
        ticks = order.ticks
        self.is_quoted = self.is_quoted or order.slot.kind.is_quote

        if ticks is None or not order.type.rests:
            return

        if order.slot.side.sign > 0:
            self.highest_bid = max(self.highest_bid, ticks)
        elif ticks < self.lowest_ask:
            self.lowest_ask = ticks
