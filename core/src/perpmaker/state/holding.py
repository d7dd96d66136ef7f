"""Positions as decisions go by them: with what an order's answer said was executed, before its fills are told.

An answer that says filled is a fact. The fills, which the private stream tells, bring price and fee; the position has
changed already, and exits do not wait for them. What a report or a reading of the position contains is not counted
again: by the venue's own times, and by what of it no fill has explained yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionSide
from perpmaker.model.position import Position
from perpmaker.state.account import Account
from perpmaker.state.orders import Orders
from perpmaker.state.position import TrackedPosition
from perpmaker.state.step import Step, moved
from perpmaker.state.tracked_order import TrackedOrder

_STOPS = frozenset({OrderKind.STOP_LOSS, OrderKind.VENUE_STOP})
_STOP_EXPLAINS_S = 10.0
_STOP_EXPLAINS_MS = 10_000


@attrs.frozen(kw_only=True)
class Holdings:
    """What is held, by the account's fills and by what orders of ours are known to have executed beyond them."""

    account: Account
    orders: Orders

    def now(self, instrument: Instrument, mark: Decimal | None) -> Mapping[PositionSide, Position]:
        """The positions, with the executions whose fills are still awaited; the mark prices what went at market."""
        gaps = self.orders.gaps()

        if not gaps:
            return self.account.now()

        positions = self.account.positions

        for record in gaps:
            side = record.working.slot.position_side
            tracked = self.account.tracked.get(side)

            if tracked is not None and (amount := self._beyond(tracked, record, instrument)):
                ticks = record.working.order.ticks
                price = (positions[side].entry or mark or Decimal(0)) if ticks is None else instrument.price(ticks)
                positions[side] = moved(positions[side], Step(record.working.venue_ms, amount, price))

        return positions

    def amounts(self) -> Mapping[PositionSide, Decimal]:
        """The positions' amounts by their fills alone."""
        return {side: tracked.now.amount for side, tracked in self.account.tracked.items()}

    def closed_by_stop(
        self, before: Mapping[PositionSide, Decimal], instrument: Instrument, now: float
    ) -> frozenset[PositionSide]:
        """Which positions have just come to nothing that could be closed, by a stop loss."""
        after = self.amounts()

        return frozenset(
            side
            for side in after
            if instrument.is_dust(after[side])
            and not instrument.is_dust(before[side])
            and (self._is_stopping(side) or self._was_stopped(side, now))
        )

    def _is_stopping(self, side: PositionSide) -> bool:
        """Whether a stop loss of this position is under way: the venue's word may come before that of its fill."""
        return any(
            order.slot.position_side is side
            and (
                order.slot.kind is OrderKind.STOP_LOSS or (order.slot.kind is OrderKind.VENUE_STOP and order.triggered)
            )
            for order in self.orders.working()
        )

    def closed_late(self, client_id: str, instrument: Instrument) -> frozenset[PositionSide]:
        """The position whose stop this order is, where the report that it is flat came before the order's fill."""
        record = self.orders.live.get(client_id)

        if record is None or record.working.slot.kind not in _STOPS:
            return frozenset()

        side = record.working.slot.position_side
        tracked = self.account.tracked.get(side)

        return frozenset() if tracked is None or not instrument.is_dust(tracked.now.amount) else frozenset({side})

    def _was_stopped(self, side: PositionSide, now: float) -> bool:
        """Whether a stop loss of this position has executed just now."""
        return any(
            slot.kind in _STOPS and slot.position_side is side and end.filled_lots and end.at + _STOP_EXPLAINS_S >= now
            for slot, end in self.orders.endings.by_slot.items()
        ) or any(
            order.slot.kind in _STOPS and order.slot.position_side is side and order.filled_lots
            for order in self.orders.working()
        )

    def _beyond(self, tracked: TrackedPosition, record: TrackedOrder, instrument: Instrument) -> Decimal:
        """What of an order's missing lots the position does not contain yet, signed."""
        working, slot = record.working, record.working.slot
        left = instrument.amount(record.missing_lots)

        if slot.kind is OrderKind.VENUE_STOP:  # it executes as another order, which may not be known for ours yet
            told = self.account.unclaimed(slot.side, slot.position_side, working.venue_ms - _STOP_EXPLAINS_MS)
            left = max(Decimal(0), left - told)

        amount = slot.side.sign * left

        if tracked.contains(working.venue_ms, record.gap_since):
            return Decimal(0)

        if tracked.external * amount > 0:  # a report that came before the fill holds that much of it
            sign = 1 if amount > 0 else -1

            return sign * max(Decimal(0), abs(amount) - abs(tracked.external))

        return amount
