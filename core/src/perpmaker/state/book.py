"""The traded book: integer ticks to integer lots, and the same book without our own orders.

Each half keeps a dict of lots by ticks and a sorted list of keys, where a key is the ticks of a bid and the negated
ticks of an ask: the best level is the last key on both halves, so that the side is data, and most changes happen near
the end of the list, where inserting is cheapest.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from perpmaker.model.event import BookChanged, BookSnapshot
from perpmaker.model.order import Side
from perpmaker.state.own_depth import OwnDepth

_FEW = 1_000


class Half:
    """One side of the book; `sign` is the side's, +1 for bids. `best` are the best ticks, None on an empty side.

    Levels that became empty stay behind without lots until they surface at the best price or too many have gathered:
    the same few prices empty and fill again all the time, and a whole difference is then folded in one update.
    """

    __slots__ = ("_keys", "_lots", "_sweep_at", "best", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._lots: dict[int, int] = {}
        self._keys: list[int] = []
        self._sweep_at = 0
        self.best: int | None = None

    def replace(self, levels: Iterable[tuple[int, int]]) -> None:
        """Forget everything and take these (ticks, lots), in any order; levels without lots are left out."""
        self._lots = {ticks: lots for ticks, lots in levels if lots > 0}
        self._keys = sorted(ticks * self.sign for ticks in self._lots)
        self._sweep_at = 2 * len(self._keys) + _FEW
        self.best = self._find_best()

    def change(self, levels: Sequence[tuple[int, int]]) -> None:
        """Set the absolute lots of these ticks; 0 removes a level, and removing an unknown one is normal."""
        keys, lots = self._keys, self._lots
        lots.update(levels)
        new = len(lots) - len(keys)

        if new:
            for ticks in islice(reversed(lots), new):  # a dict keeps what is new at its end
                insort(keys, ticks * self.sign)

            if len(keys) > self._sweep_at:
                self.replace(lots.items())
                return

        self.best = self._find_best()

    def at(self, ticks: int) -> int:
        """The lots at a price, ours or not."""
        return self._lots.get(ticks, 0)

    def reaches(self, ticks: int) -> bool:
        """Whether the half goes as far out as a price."""
        return bool(self._keys) and self._keys[0] <= ticks * self.sign

    def levels(self) -> Iterator[tuple[int, int]]:
        """All (ticks, lots), from the best outward."""
        sign, known = self.sign, self._lots

        for key in reversed(self._keys):
            ticks = key * sign

            if (lots := known[ticks]) > 0:
                yield ticks, lots

    def _find_best(self) -> int | None:
        """The best ticks, after forgetting the levels before them that became empty."""
        keys, lots, sign = self._keys, self._lots, self.sign

        while keys:
            ticks = keys[-1] * sign

            if lots[ticks] > 0:
                return ticks

            del lots[ticks], keys[-1]

        return None


class Book:
    """The book as folded from the venue's events, with `own` depth left out of what strategies see.

    `ok` is false before the first snapshot, after `lose`, and while the book is crossed: nothing may be priced from
    it then.
    """

    __slots__ = ("_asks", "_bids", "_own_asks", "_own_bids", "_synchronised", "own")

    def __init__(self, own: OwnDepth | None = None) -> None:
        self._bids = Half(Side.BUY.sign)
        self._asks = Half(Side.SELL.sign)
        self._synchronised = False
        self.own = own if own is not None else OwnDepth()
        self._own_bids, self._own_asks = self.own.lots[self._bids.sign], self.own.lots[self._asks.sign]

    def snapshot(self, event: BookSnapshot, now: float) -> None:
        """Take the whole book; it is trusted from here on."""
        self._bids.replace(event.bids)
        self._asks.replace(event.asks)
        self._synchronised = True
        self._reach(event.venue_ms, now)

    def change(self, event: BookChanged, now: float) -> None:
        """Fold a difference; without a snapshot to fold it into, it means nothing and is dropped."""
        if not self._synchronised:
            return

        self._bids.change(event.bids)
        self._asks.change(event.asks)
        self._reach(event.venue_ms, now)

    def lose(self) -> None:
        """Forget everything: what is known has a gap in it."""
        self._bids.replace(())
        self._asks.replace(())
        self._synchronised = False

    def expect(self, client_id: str, side: Side, ticks: int, lots: int) -> None:
        """An order of ours is about to be sent: what comes up at its price is ours. Without a book nothing is known."""
        if self._synchronised:
            self.own.expect(client_id, side, ticks, lots, displayed=self._displayed(side, ticks))

    @property
    def ok(self) -> bool:
        """Whether the book may be trusted: synchronised and not crossed; a side may still be empty."""
        if not self._synchronised:
            return False

        bid, ask = self._bids.best, self._asks.best

        return bid is None or ask is None or bid < ask

    @property
    def best_bid(self) -> int | None:
        """The best bid of other people, in ticks."""
        ticks = self._bids.best

        return ticks if ticks not in self._own_bids else self._beyond(self._bids)

    @property
    def best_ask(self) -> int | None:
        """The best ask of other people, in ticks."""
        ticks = self._asks.best

        return ticks if ticks not in self._own_asks else self._beyond(self._asks)

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Other people's (ticks, lots) of one side, from the best outward."""
        return self._others(self._bids if side is Side.BUY else self._asks)

    def others_at(self, side: Side, ticks: int) -> int | None:
        """Other people's lots at a price. None beyond the last level that the book shows: nobody knows there."""
        half = self._bids if side is Side.BUY else self._asks

        return max(0, half.at(ticks) - self.own.lots[half.sign].get(ticks, 0)) if half.reaches(ticks) else None

    def _beyond(self, half: Half) -> int | None:
        """The best of other people on a side whose best price is ours too."""
        return next((ticks for ticks, _ in self._others(half)), None)

    def _others(self, half: Half) -> Iterator[tuple[int, int]]:
        own = self.own.lots[half.sign]

        for ticks, lots in half.levels():
            others = lots - own.get(ticks, 0)

            if others > 0:
                yield ticks, others

    def _reach(self, venue_ms: int, now: float) -> None:
        self.own.reached_ms = venue_ms

        if self.own.is_waiting:
            self.own.catch_up(now)

        if self.own.is_expecting:
            self.own.observe(self._displayed)

    def _displayed(self, side: Side, ticks: int) -> int:
        return (self._bids if side.sign > 0 else self._asks).at(ticks)
