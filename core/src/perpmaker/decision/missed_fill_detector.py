"""Public evidence that an order of ours should have been filled, while the private stream says nothing about it.

Somebody traded at its price or through it, or the other side's best stands at its price: if the stream has not told of
a fill a second later, the venue is asked about this one order, which costs little and pulls no quote. An order that
only waits in its queue is asked for as well, every two seconds at most; an answer that tells of more than the stream
did proves that the stream kept it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import attrs

from perpmaker.model.event import Traded
from perpmaker.model.order import OrderType, Side
from perpmaker.state.state import State
from perpmaker.state.tracked_order import TrackedOrder

SUSPECT_S = 1.0
"""How long the private stream may be behind the public market."""

ASK_AGAIN_S = 2.0
"""The least time between one round of questions and the next."""

_RESTING = frozenset({OrderType.LIMIT, OrderType.POST_ONLY})


@attrs.define
class _Doubt:
    """Since when, and what fills were booked then; `newer` is evidence that came while the answer was awaited."""

    since: float
    booked_lots: int
    asked: bool = False
    newer: float | None = None


class MissedFillDetector:
    """Doubts by client id. `version` grows with every new one, so that somebody looks at the clock for it."""

    def __init__(self, state: State) -> None:
        self.version = 0
        self._state = state
        self._doubts: dict[str, _Doubt] = {}
        self._asked_at = -inf
        self._highest_buy, self._lowest_sell = -inf, inf
        self._looked_at = (-1, -1)

    def is_reached(self, bid: int | None, ask: int | None) -> bool:
        """Whether other people's best stands where an order of ours does that nobody doubts yet: look at it."""
        return (ask is not None and ask <= self._highest_buy) or (bid is not None and bid >= self._lowest_sell)

    @property
    def reach(self) -> tuple[float, float]:
        """Where our highest buy and our lowest sell rest of which nobody doubts anything; infinitely far for none."""
        return self._highest_buy, self._lowest_sell

    def fold(self, event: Traded, now: float) -> None:
        """A trade at the price of an order of ours, or through it, on the side that it would have been filled from."""
        side = event.taker.opposite
        is_far = event.ticks > self._highest_buy if side is Side.BUY else event.ticks < self._lowest_sell

        if self._doubts or not is_far or self._looked_at[0] != self._state.orders.version:
            self._reached(side, event.ticks, now)

    def demand(self, now: float) -> None:
        """Have the venue asked about the orders whose doubt is due; those that are explained are forgotten."""
        book = self._state.book

        if self._looked_at != (self._state.orders.version, self.version):
            self._look()

        if book.ok and (self._doubts or self.is_reached(book.best_bid, book.best_ask)):
            for side, best in ((Side.BUY, book.best_ask), (Side.SELL, book.best_bid)):
                if best is not None:
                    self._reached(side, best, now)

        if self._doubts:
            self._forget_explained(now)
            self._look()

    def _forget_explained(self, now: float) -> None:
        """Forget doubts that are explained, and ask about those that are due."""
        gaps = {record.working.client_id for record in self._state.orders.gaps()}

        for client_id, doubt in list(self._doubts.items()):
            record = self._state.orders.live.get(client_id)

            if client_id not in gaps and (record is None or self._is_explained(record, doubt)):
                del self._doubts[client_id]

        if now >= self._asked_at + ASK_AGAIN_S:
            self._ask(now)

    def _look(self) -> None:
        """Where our undoubted resting orders stand nearest to the market."""
        if not self._doubts:
            survey = self._state.orders.survey()
            self._highest_buy, self._lowest_sell = survey.highest_bid, survey.lowest_ask
            self._looked_at = (self._state.orders.version, self.version)
            return

        prices: dict[Side, list[float]] = {Side.BUY: [-inf], Side.SELL: [inf]}

        for client_id, record in self._state.orders.live.items():
            order = record.working.order

            if order.ticks is not None and client_id not in self._doubts and _rests(record):
                prices[order.slot.side].append(order.ticks)

        self._highest_buy, self._lowest_sell = max(prices[Side.BUY]), min(prices[Side.SELL])
        self._looked_at = (self._state.orders.version, self.version)

    def has_kept_back(self, record: TrackedOrder, now: float) -> bool:
        """Whether fills of this order, which is known to have some that are missing, are overdue by this evidence."""
        doubt = self._doubts.get(record.working.client_id)

        return doubt is not None and doubt.since + SUSPECT_S <= now

    def moments(self) -> Sequence[float]:
        """When there is something to do, should nothing happen before."""
        if not self._doubts:
            return ()

        unasked = [self._asked_at + ASK_AGAIN_S for doubt in self._doubts.values() if not doubt.asked]

        return [*(doubt.since + SUSPECT_S for doubt in self._doubts.values()), *unasked]

    def _reached(self, side: Side, ticks: int, now: float) -> None:
        """The market has reached this price: every order of the side at it or before it should have been filled."""
        for client_id, record in self._state.orders.live.items():
            order = record.working.order

            if (
                order.side is side
                and order.ticks is not None
                and side.sign * (order.ticks - ticks) >= 0
                and _rests(record)
            ):
                self._doubt(client_id, record, now)

    def _doubt(self, client_id: str, record: TrackedOrder, now: float) -> None:
        doubt = self._doubts.get(client_id)

        if doubt is None:
            self._doubts[client_id] = _Doubt(now, record.booked_lots)
            self.version += 1
        elif doubt.asked:
            doubt.newer = now

    def _is_explained(self, record: TrackedOrder, doubt: _Doubt) -> bool:
        """Whether the stream spoke, or the venue answered that nothing was filled; later evidence is a new doubt."""
        if record.booked_lots == doubt.booked_lots and (not doubt.asked or record.ask_at is not None):
            return False

        if doubt.newer is None:
            return True

        doubt.since, doubt.booked_lots, doubt.asked, doubt.newer = doubt.newer, record.booked_lots, False, None

        return False

    def _ask(self, now: float) -> None:
        for client_id, doubt in self._doubts.items():
            record = self._state.orders.live.get(client_id)

            if record is not None and not doubt.asked and doubt.since + SUSPECT_S <= now:
                doubt.asked = True
                self._asked_at = now

                if record.ask_at is None and record.working.status.is_open:
                    record.ask(now)
                    self._state.orders.version += 1


def _rests(record: TrackedOrder) -> bool:
    return record.working.status.is_open and record.working.order.type in _RESTING
