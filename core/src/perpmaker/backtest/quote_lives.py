"""Follows quotes from their orders to their end, and counts by level what became of them, in constant memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.backtest.result import LevelResult, QuotingTime
from perpmaker.ledger.sums import ZERO
from perpmaker.model.order import NewOrder, Side

REMEMBERED: Final = 5_000
"""Orders whose level is remembered after their end, for fills that are told late."""

SETTLED_MS: Final = 5_000
"""Age from which a reading must know an order."""


@attrs.define
class _Life:
    """One quote: what it is, since when it rests, and how much of it was filled."""

    order: NewOrder
    since_ms: int
    filled: Decimal = ZERO
    is_over: bool = False


@attrs.define
class _Count:
    placed: int = 0
    amended: int = 0
    filled: int = 0
    completed: int = 0
    cancelled: int = 0
    refused: int = 0
    amount_placed: Decimal = ZERO
    amount_filled: Decimal = ZERO
    rested_ms: int = 0


class QuoteLives:
    """Follows quotes from their placing to their end. `lot` is the market's step of amounts."""

    def __init__(self, lot: Decimal) -> None:
        self.lot = lot
        self._live: dict[str, _Life] = {}
        self._known: OrderedDict[str, _Life] = OrderedDict()
        self._counts: dict[tuple[int, Side], _Count] = {}
        self._best: dict[Side, int | None] = {Side.BUY: None, Side.SELL: None}
        self._looked_ms: int | None = None
        self._quoting_ms = {"both": 0, "bids": 0, "asks": 0, "none": 0}

    # --- what is told ------------------------------------------------------------------------------------------------

    def place(self, at_ms: int, order: NewOrder) -> None:
        """Take in an order that is sent; what is no quote is remembered for its purpose alone."""
        life = _Life(order, at_ms)
        self._known[order.client_id] = life

        if len(self._known) > REMEMBERED:
            self._forget_oldest()

        if order.slot.kind.is_quote:
            self._pass(at_ms)
            count = self._count(life)
            count.placed += 1
            count.amount_placed += order.lots * self.lot
            self._live[order.client_id] = life
            self._look(order.side)

    def amend(self, at_ms: int, order: NewOrder) -> None:
        """Take in that an order is sent to another price or amount."""
        life = self._known.get(order.client_id)

        if life is None or not order.slot.kind.is_quote:
            return

        self._pass(at_ms)
        count = self._count(life)
        count.amended += 1
        count.amount_placed += max(0, order.lots - life.order.lots) * self.lot
        life.order = order
        self._look(order.side)

    def move(self, at_ms: int, order: NewOrder) -> None:
        """Take in that an order rests elsewhere than was thought."""
        life = self._live.get(order.client_id)

        if life is not None:
            self._pass(at_ms)
            life.order = order
            self._look(order.side)

    def fill(self, at_ms: int, client_id: str, amount: Decimal) -> None:
        """Take in an execution; the one that fills the whole order ends it."""
        life = self._known.get(client_id)

        if life is None or not life.order.slot.kind.is_quote:
            return

        count = self._count(life)
        count.filled += not life.filled
        count.amount_filled += amount
        life.filled += amount

        if life.filled >= life.order.lots * self.lot:
            count.completed += self._end(at_ms, client_id) is not None

    def cancel(self, at_ms: int, client_id: str) -> None:
        """Take in that an order is gone, by whatever cause."""
        life = self._end(at_ms, client_id)

        if life is not None:
            self._count(life).cancelled += 1

    def refuse(self, at_ms: int, client_id: str) -> None:
        """Take in that an order was refused."""
        life = self._end(at_ms, client_id)

        if life is not None:
            self._count(life).refused += 1

    def keep_only(self, at_ms: int, resting: Container[str]) -> None:
        """Take in which orders a reading found; what it must know and does not find is gone."""
        for client_id, life in list(self._live.items()):
            if client_id not in resting and at_ms - life.since_ms > SETTLED_MS:
                self.cancel(at_ms, client_id)

    def begin(self, at_ms: int) -> None:
        """Begin to count how long there are quotes."""
        self._looked_ms = at_ms

    def end(self, at_ms: int) -> None:
        """Count no longer: the run is over, and what became of quotes that rest still is not known."""
        for client_id in list(self._live):
            self._end(at_ms, client_id)

        self._pass(at_ms)
        self._looked_ms = None

    def fresh(self, at_ms: int) -> QuoteLives:
        """Return one that knows the same orders, and has counted nothing."""
        new = QuoteLives(self.lot)
        new._known, new._best = self._known, dict(self._best)
        new._live = {client_id: attrs.evolve(life, since_ms=at_ms) for client_id, life in self._live.items()}
        new._known.update(new._live)
        new._looked_ms = None if self._looked_ms is None else at_ms

        for life in new._live.values():
            count = new._count(life)
            count.placed += 1
            count.amount_placed += life.order.lots * self.lot - life.filled

        return new

    # --- what it comes to --------------------------------------------------------------------------------------------

    def order(self, client_id: str) -> NewOrder | None:
        """Return an order that is remembered."""
        life = self._known.get(client_id)

        return None if life is None else life.order

    @property
    def best_bid(self) -> int | None:
        """Our highest bid in ticks; None while there is none."""
        return self._best[Side.BUY]

    @property
    def best_ask(self) -> int | None:
        """Our lowest ask in ticks; None while there is none."""
        return self._best[Side.SELL]

    def levels(self, at_ms: int) -> tuple[LevelResult, ...]:
        """Return what became of the quotes of each level up to now, bids first."""
        resting: dict[tuple[int, Side], int] = {}

        for life in self._live.values():
            key = (life.order.slot.level, life.order.side)
            resting[key] = resting.get(key, 0) + max(0, at_ms - life.since_ms)

        keys = sorted(self._counts, key=lambda key: (key[1] is Side.SELL, key[0]))

        return tuple(_level(key, self._counts[key], resting.get(key, 0)) for key in keys)

    def quoting(self, at_ms: int) -> QuotingTime:
        """Return how long there were quotes up to now."""
        self._pass(at_ms)

        return QuotingTime(**{f"{name}_s": passed / 1000 for name, passed in self._quoting_ms.items()})

    # --- inside ------------------------------------------------------------------------------------------------------

    def _end(self, at_ms: int, client_id: str) -> _Life | None:
        """The quote whose life ends; None where there is none, or it had ended before."""
        life = self._live.get(client_id)

        if life is None:
            return None

        self._pass(at_ms)
        del self._live[client_id]
        life.is_over = True
        self._count(life).rested_ms += max(0, at_ms - life.since_ms)
        self._look(life.order.side)

        return life

    def _count(self, life: _Life) -> _Count:
        return self._counts.setdefault((life.order.slot.level, life.order.side), _Count())

    def _look(self, side: Side) -> None:
        prices = [life.order.ticks for life in self._live.values() if life.order.side is side and life.order.ticks]
        self._best[side] = (max(prices) if side is Side.BUY else min(prices)) if prices else None

    def _pass(self, at_ms: int) -> None:
        """Count the time since the last change."""
        if self._looked_ms is None:
            return

        has_bids, has_asks = self.best_bid is not None, self.best_ask is not None
        name = ("both" if has_asks else "bids") if has_bids else "asks" if has_asks else "none"
        self._quoting_ms[name] += max(0, at_ms - self._looked_ms)
        self._looked_ms = max(at_ms, self._looked_ms)

    def _forget_oldest(self) -> None:
        for client_id in self._known:
            if client_id not in self._live:
                del self._known[client_id]
                return


def _level(key: tuple[int, Side], count: _Count, resting_ms: int) -> LevelResult:
    number, side = key
    ended = count.completed + count.cancelled + count.refused

    return LevelResult(
        level=f"{side.value} {number}",
        placed=count.placed,
        amended=count.amended,
        filled=count.filled,
        cancelled=count.cancelled,
        refused=count.refused,
        unresolved=count.placed - ended,
        amount_placed=count.amount_placed,
        amount_filled=count.amount_filled,
        rested_s=(count.rested_ms + resting_ms) / 1000,
    )
