"""Everybody else's lots on one side of the book: what was told of them, and what is left of that to trade with.

Two things are missing from what was told. What the accounts took stays missing for as long as the level lasts: whoever
makes the market knows nothing of them, and tells the same lots again, which nobody may take twice. What a public trade
took, or passed on its way to a worse price, is missing until the next difference, which knows of that trade.

Inside, prices are keys, tick times sign, so that the greater key is the better price.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Final

_ALL: Final = 1 << 62
_FEW: Final = 1_000


class Levels:
    """The (ticks, lots) of one side. Prices whose lots change are added to `dirty`.

    A level that became empty stays behind without lots until it surfaces at the best price: the same few prices empty
    and fill again all the time.
    """

    def __init__(self, sign: int, dirty: set[int]) -> None:
        self.shown: dict[int, int] = {}
        self._sign = sign
        self._dirty = dirty
        self._keys: list[int] = []
        self._sweep_at = _FEW
        self._told: dict[int, int] = {}  # only where it is not what is shown
        self._taken: dict[int, int] = {}
        self._passed: dict[int, int] = {}

    @property
    def keys(self) -> Sequence[int]:
        """The keys of the prices, the best one with lots last; others may have none."""
        return self._keys

    @property
    def taken(self) -> Collection[int]:
        """The prices at which accounts have taken lots that are told still."""
        return self._taken

    def best(self) -> int | None:
        """Return the best price. None on an empty side."""
        return self._keys[-1] * self._sign if self._keys else None

    def at(self, ticks: int) -> int:
        """Return the lots that can be traded with."""
        return self.shown.get(ticks, 0)

    def displayed(self, ticks: int) -> int:
        """Return the lots that a venue shows: a trade that was seen is in it from the next difference on."""
        if ticks in self._told:
            return max(self._told[ticks] - self._taken.get(ticks, 0), 0)

        return self.shown.get(ticks, 0)

    def believed(self, ticks: int) -> int:
        """Return the lots that the next difference may show again: those missing only since a trade are counted."""
        return self.displayed(ticks) if ticks in self._passed else self.shown.get(ticks, 0)

    def replace(self, ladder: Sequence[tuple[int, int]], *, retold: bool = False) -> None:
        """Show these lots and no others. `retold`: what accounts took of a level is still missing there."""
        dirty, taken = self._dirty, self._taken if retold else {}
        dirty.update(self.shown)
        self._told, self._taken, self._passed = {}, {}, {}
        self.shown = {ticks: lots for ticks, lots in ladder if lots > 0}
        self._keys = sorted([ticks * self._sign for ticks in self.shown])
        self._sweep_at = 2 * len(self._keys) + _FEW
        dirty.update(self.shown)

        for ticks, lots in taken.items():
            if told := self.shown.get(ticks, 0):
                self._told[ticks], self._taken[ticks] = told, min(lots, told)
                self._show(ticks, told - self._taken[ticks])

    def hide(self) -> None:
        """Show nothing. What accounts took is remembered until the levels are shown again."""
        self._dirty.update(self.shown)
        self.shown, self._keys, self._told, self._passed = {}, [], {}, {}

    def change(self, levels: Sequence[tuple[int, int]], *, settled: bool = True) -> None:
        """Take in a difference. `settled`: it knows of every trade that was seen."""
        if settled:
            self.settle()

        if self._told:
            for ticks, lots in levels:
                self._tell(ticks, lots)
        else:
            for ticks, lots in levels:
                self._show(ticks, lots)

    def settle(self) -> None:
        """Show again what is missing only since a trade that what is told by now knows of."""
        passed, self._passed = self._passed, {}

        for ticks in passed:
            self._tell(ticks, self._told[ticks])

    def follow(self, levels: Iterable[tuple[int, int]]) -> None:
        """Take in settled differences, many at once, which nobody is to be told of; of a price the last word counts."""
        self.settle()

        if self._taken:
            told = dict(levels)

            for ticks in told.keys() & self._taken.keys():
                self._tell(ticks, told.pop(ticks))

            levels = told.items()

        self.shown.update(levels)
        self._find_new()

    def take(self, ticks: int, lots: int) -> None:
        """Let an account take lots of a level."""
        left = self.shown[ticks] - lots
        self._told.setdefault(ticks, left + lots)
        self._taken[ticks] = self._taken.get(ticks, 0) + lots
        self._show(ticks, left)

    def pass_by(self, ticks: int, lots: int) -> None:
        """Let a public trade take lots of a level, and all of those at better prices."""
        while self._keys and self._keys[-1] > ticks * self._sign:
            self._miss(self._keys[-1] * self._sign, _ALL)

        if lots and self.shown.get(ticks):
            self._miss(ticks, lots)

    def _miss(self, ticks: int, lots: int) -> None:
        shown = self.shown[ticks]
        self._told.setdefault(ticks, shown)
        self._passed[ticks] = self._passed.get(ticks, 0) + lots
        self._show(ticks, max(shown - lots, 0))

    def _tell(self, ticks: int, lots: int) -> None:
        """Take in what was told of a level of which something may be missing."""
        taken = min(self._taken.get(ticks, 0), lots)
        passed = self._passed.get(ticks, 0)

        if taken:
            self._taken[ticks] = taken
        else:
            self._taken.pop(ticks, None)

        if taken or passed:
            self._told[ticks] = lots
        else:
            self._told.pop(ticks, None)

        self._show(ticks, max(lots - taken - passed, 0))

    def _show(self, ticks: int, lots: int) -> None:
        before = self.shown.get(ticks)

        if lots == (before or 0):
            return

        self._dirty.add(ticks)
        self.shown[ticks] = lots

        if before is None:
            insort(self._keys, ticks * self._sign)
        elif not lots and self._keys[-1] == ticks * self._sign:
            self._find_best()

    def _find_new(self) -> None:
        """Sort in the prices that `shown` has and `keys` has not."""
        shown, keys = self.shown, self._keys

        for ticks in islice(reversed(shown), len(shown) - len(keys)):  # a dict keeps what is new at its end
            insort(keys, ticks * self._sign)

        if len(keys) > self._sweep_at:
            self.shown = {ticks: lots for ticks, lots in shown.items() if lots > 0}
            self._keys = sorted([ticks * self._sign for ticks in self.shown])
            self._sweep_at = 2 * len(self._keys) + _FEW

        self._find_best()

    def _find_best(self) -> None:
        """Forget the levels before the best one that became empty."""
        shown, keys, sign = self.shown, self._keys, self._sign

        while keys and not shown[keys[-1] * sign]:
            del shown[keys.pop() * sign]
