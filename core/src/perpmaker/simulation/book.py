"""The book of the simulated exchange: everybody else's orders as lots per tick, the accounts' orders one by one.

Every account order knows how many lots of the crowd stand before it at its price (`ahead`). Trades take from the
front of the queue; when the crowd shrinks by itself, those behind leave first, so that a place is never won by
hoping. What then must have left before an order is `unexplained`: a trade that is reported only after its effect was
shown explains it, and does not move the order forward a second time. While the crowd's book is not known nothing of
it is displayed, and every order keeps its place; one that joins then stands behind all that is displayed afterwards.

Prices are ticks; inside a side they are keys, tick times sign, so that the greater key is the better price and one
piece of code serves bids and asks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from perpmaker.model.order import Side
from perpmaker.simulation.levels import Levels

_EVERYBODY: Final = 1 << 62


@attrs.define(eq=False)
class Resting:
    """An account's order in the queue: the lots left, and the crowd's lots before it.

    `unexplained` are lots that left the queue before it, and no trade has said why. `level` are the crowd's lots at its
    price as they were told last, less what has traded since.
    """

    order_id: int
    account: str
    ticks: int
    lots: int
    ahead: int
    unexplained: int = 0
    level: int = 0

    def see_level(self, lots: int, power: float | None, *, explained: bool = False, settled: bool = True) -> None:
        """Take in the crowd's lots at its price; `power` as of `BookSide`."""
        ahead = self.ahead

        if power is not None and not explained and self.level > max(lots, ahead):
            ahead -= _left_before(ahead, self.level - ahead, self.level - lots, power)

        ahead = min(ahead, lots)
        self.unexplained += 0 if explained else self.ahead - ahead
        self.ahead = ahead
        self.level = lots if settled else min(self.level, lots)

    def let_pass(self, lots: int, *, late: bool) -> int:
        """Move forward by lots that traded at its price, and return how many of them reach it."""
        explained = min(self.unexplained, lots) if late else 0
        self.unexplained = self.unexplained - explained if late else 0
        passing = lots - explained
        reached = max(passing - self.ahead, 0)
        self.ahead = max(self.ahead - passing, 0)
        self.level = max(self.level - passing, 0)

        return reached


def _left_before(ahead: int, behind: int, gone: int, power: float) -> int:
    """How many of the lots that have left a queue without a trade stood before an order in it, rounded down."""
    before, after = ahead**power, behind**power

    return int(gone * before / (before + after)) if before else 0


class BookSide:
    """One side: `sign` is +1 for bids, -1 for asks.

    `power` None: when the crowd shrinks by itself, those behind an order leave first. Else they leave from before and
    from behind it in the proportion of what stands there, raised to this power; 1: anybody is as likely as any other.
    """

    power: float | None = None

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = side.sign
        self._queues: dict[int, list[Resting]] = {}
        self._queue_keys: list[int] = []
        self._dirty: set[int] = set()
        self._crowd = Levels(self.sign, self._dirty)
        self._is_hidden = False
        self._shown: dict[int, int] = {}

    def best_ticks(self) -> int | None:
        """Return the best price. None on an empty side."""
        crowd = self._crowd.keys

        if not crowd:
            return self._queue_keys[-1] * self.sign if self._queue_keys else None

        if not self._queue_keys:
            return crowd[-1] * self.sign

        return max(crowd[-1], self._queue_keys[-1]) * self.sign

    def best_queued_ticks(self) -> int | None:
        """Return the best price at which an account's order rests."""
        return self._queue_keys[-1] * self.sign if self._queue_keys else None

    def best_crowd_ticks(self) -> int | None:
        """Return the best price at which another participant's order rests."""
        return self._crowd.best()

    def crowd_at(self, ticks: int) -> int:
        """Everybody else's lots at a price."""
        return self._crowd.at(ticks)

    def lots_at(self, ticks: int) -> int:
        """Return all lots displayed at a price."""
        lots = self._crowd.at(ticks)

        for resting in self._queues.get(ticks, ()):
            lots += resting.lots

        return lots

    def levels(self) -> Iterator[tuple[int, int]]:
        """Yield the displayed (ticks, lots) from the best outward."""
        for key in sorted({*self._crowd.keys, *self._queue_keys}, reverse=True):
            if lots := self.lots_at(key * self.sign):
                yield key * self.sign, lots

    def told_at(self, ticks: int) -> int:
        """Return all lots at a price as the venue's own stream would show them, which tells of trades later."""
        lots = self._crowd.displayed(ticks)

        for resting in self._queues.get(ticks, ()):
            lots += resting.lots

        return lots

    def reaches(self, ticks: int, limit: int | None) -> bool:
        """Return whether a price of this side is as good as the limit for a taker."""
        return limit is None or ticks * self.sign >= limit * self.sign

    def fillable(self, limit: int | None) -> int:
        """Return the lots that a taker could take at once, no worse than the limit."""
        return sum(lots for ticks, lots in self.levels() if self.reaches(ticks, limit))

    # --- the front of the queue

    def front(self, ticks: int) -> tuple[Resting | None, int]:
        """Return what stands first at the best price: an account's order, or None for the crowd, and its lots."""
        queue, crowd = self._queues.get(ticks), self._crowd.at(ticks)

        if queue is None:
            return None, crowd

        first = queue[0]
        before = min(first.ahead, crowd)

        return (None, before) if before else (first, first.lots)

    def take_from_crowd(self, ticks: int, lots: int) -> None:
        """Trade away lots of the crowd at the front of the queue."""
        self._crowd.take(ticks, lots)

        for resting in self._queues.get(ticks, ()):
            resting.ahead = max(resting.ahead - lots, 0)
            resting.level = max(resting.level - lots, 0)

    # --- accounts' orders

    def add(self, resting: Resting) -> None:
        """Put an order at the end of the queue of its price."""
        queue = self._queues.get(resting.ticks)
        resting.ahead = resting.level = _EVERYBODY if self._is_hidden else self._crowd.believed(resting.ticks)

        if queue is None:
            self._queues[resting.ticks] = [resting]
            insort(self._queue_keys, resting.ticks * self.sign)
        else:
            queue.append(resting)

        self._dirty.add(resting.ticks)

    def reduce(self, resting: Resting, lots: int) -> None:
        """Take lots off an order, by a trade or because it was cut. It leaves when nothing is left of it."""
        resting.lots -= lots
        self._dirty.add(resting.ticks)

        if resting.lots == 0:
            self.remove(resting)

    def remove(self, resting: Resting) -> None:
        """Take an order out of the queue."""
        queue = self._queues[resting.ticks]
        queue.remove(resting)
        self._dirty.add(resting.ticks)

        if not queue:
            del self._queues[resting.ticks]
            del self._queue_keys[bisect_left(self._queue_keys, resting.ticks * self.sign)]

    # --- the crowd

    def set_crowd(self, ladder: Sequence[tuple[int, int]]) -> None:
        """Show these (ticks, lots) of everybody else, and nothing else of theirs."""
        self._crowd.replace(ladder)
        self._is_hidden = False
        self._close_up()

    def restore_crowd(self, ladder: Sequence[tuple[int, int]]) -> None:
        """Show the participants' lots from scratch: what accounts took of them is missing still.

        What left before an order while the book was not known, no trade will explain.
        """
        explained, self._is_hidden = self._is_hidden, False
        self._crowd.replace(ladder, retold=True)
        self._close_up(explained=explained)

    def hide_crowd(self) -> None:
        """Show nothing of everybody else, for it is not known. Orders keep their places."""
        self._crowd.hide()
        self._is_hidden = True

    def change_crowd(self, levels: Sequence[tuple[int, int]], *, settled: bool = True) -> None:
        """Show everybody else's lots anew at these prices, 0 taking a level away.

        `settled`: the teller knows of every trade that was seen (`pass_trade`).
        """
        self._crowd.change(levels, settled=settled)

        if self._queues:
            self._close_up(explained=False, settled=settled)

    # --- the crowd, followed without telling anybody

    @property
    def watched(self) -> Iterable[int]:
        """The prices at which what is told of the crowd concerns an account: its order rests, or it has taken there."""
        return {*self._queues, *self._crowd.taken}

    @property
    def queued(self) -> Iterable[int]:
        """The prices at which accounts' orders rest."""
        return self._queues

    def queued_at(self, ticks: int) -> int:
        """The lots of accounts' orders at a price."""
        return sum(resting.lots for resting in self._queues.get(ticks, ()))

    def has_taken(self, ticks: int) -> bool:
        """Whether accounts have taken lots at a price that are told still, or have no order there."""
        return ticks in self._crowd.taken or ticks not in self._queues

    def touch(self, ticks: int, lots: int, *, settled: bool) -> None:
        """Let the queue at a price know what is told there now; the crowd itself follows later, with `follow`."""
        for resting in self._queues[ticks]:
            resting.see_level(lots, self.power, settled=settled)

    def let_pass(self, ticks: int, lots: int, *, late: bool) -> bool:
        """Move the queue at the best queued price forward by a trade there.

        Returns whether it was done: not where it fills an order, which is left to `pass_trade`, as is the crowd.
        """
        queue = self._queues[ticks]

        if any(lots > resting.ahead for resting in queue):
            return False

        for resting in queue:
            resting.let_pass(lots, late=late)

        return True

    def follow(self, levels: Iterable[tuple[int, int]]) -> None:
        """Take in settled differences, many at once; of a price the last word counts."""
        self._crowd.follow(levels)

        if self._queues:
            self._close_up(explained=False)

    def pass_by(self, ticks: int, lots: int) -> None:
        """Let a trade that fills nobody take from the crowd."""
        self._crowd.pass_by(ticks, lots)

    def _close_up(self, *, explained: bool = True, settled: bool = True) -> None:
        """Nobody stands further back than behind all that is there."""
        for ticks, queue in self._queues.items():
            lots = self._crowd.believed(ticks)

            for resting in queue:
                resting.see_level(lots, self.power, explained=explained, settled=settled)

    def pass_trade(self, ticks: int, lots: int, *, late: bool) -> Iterator[tuple[Resting, int]]:
        """Yield the orders that a trade seen at a price fills, and by how much.

        Each is to be reduced before the next.

        Orders at a better price are filled whatever stands before them: no trade is at a worse price before. So
        nothing of the crowd is left there either, until a difference shows it again.
        """
        for resting in [*self._better_than(ticks), *self._queues.get(ticks, ())]:
            if resting not in self._queues.get(resting.ticks, ()):
                continue  # a fill before it has ended it

            reached = resting.let_pass(lots, late=late) if resting.ticks == ticks else lots
            filled = min(reached, resting.lots)
            lots -= filled

            if filled:
                yield resting, filled

        if not late:
            self._crowd.pass_by(ticks, lots)

            for resting in self._better_than(ticks):
                resting.ahead = 0

    def _better_than(self, ticks: int) -> Iterator[Resting]:
        for key in reversed(self._queue_keys):
            if key <= ticks * self.sign:
                return

            yield from self._queues[key * self.sign]

    # --- what has changed

    def changes(self) -> tuple[tuple[int, int], ...]:
        """Return the levels displayed differently since this was last asked. 0 lots where one is gone."""
        if not self._dirty:
            return ()

        changed = []
        crowd, queues, shown = self._crowd.shown, self._queues, self._shown

        for ticks in sorted(self._dirty):
            lots = self.lots_at(ticks) if ticks in queues else crowd.get(ticks, 0)

            if lots != shown.get(ticks, 0):
                changed.append((ticks, lots))

                if lots:
                    shown[ticks] = lots
                else:
                    del shown[ticks]

        self._dirty.clear()

        return tuple(changed)


class Book:
    """Both sides; `power` as of `BookSide`."""

    def __init__(self, power: float | None = None) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.bids.power = self.asks.power = power

    def side(self, side: Side) -> BookSide:
        """Return the side on which orders of this side rest."""
        return self.bids if side is Side.BUY else self.asks

    def crosses(self, side: Side, ticks: int) -> bool:
        """Return whether a limit order of this side and price would trade at once."""
        opposite = self.side(side.opposite)
        best = opposite.best_ticks()

        return best is not None and opposite.reaches(best, ticks)
