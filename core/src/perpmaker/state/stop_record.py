"""Which stop losses have closed positions, one after the other: what a limit of stops in a time counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from perpmaker.model.order import PositionSide

KEPT = 100
"""Stops that are remembered."""


class StopRecord:
    """The times of stops, each once for each position that one has closed, oldest first, on the engine's clock."""

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=KEPT)
        self._opened: set[PositionSide] = set()
        self._known: dict[PositionSide, float] = {}

    def recall(
        self, times: Iterable[float], known: Mapping[PositionSide, float], fired: Collection[PositionSide]
    ) -> None:
        """Begin with what an earlier run had counted.

        `known`: when it last saw a stop close each position. `fired`: stops that had fired then and were not done.
        """
        self.times.extend(times)
        self._known.update(known)
        self._opened.update(fired)

    def see(self, closed_at: Mapping[PositionSide, float], opened: Collection[PositionSide]) -> None:
        """Take in when a stop last closed each position, and which positions are open now."""
        self._opened.update(opened)

        for side, at in closed_at.items():
            if at == self._known.get(side) or side in opened:
                continue

            self._known[side] = at

            if side in self._opened:  # else it is the same stop, of which more is known now
                self._opened.discard(side)
                self.times.append(at)

    def forget(self) -> None:
        """Count from here: a person has looked at what there was."""
        self.times.clear()
