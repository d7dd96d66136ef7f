"""How many stateful orders of an owner the chain takes, by its own counts; stops have the last word."""

from __future__ import annotations

from collections import deque

import attrs

from .chain import BlockClock

MOST = 2
"""Stateful orders that an owner may place in a block; refused ones count."""


_LONG = 100


MOST_LONG = 20
"""The same in so many blocks."""


@attrs.define(eq=False)
class Turn:
    """Placements of one transaction. `is_answered`: whether they have arrived is known."""

    height: int
    count: int
    is_answered: bool = True


@attrs.define
class StatefulPace:
    """Keeps the placements of stateful orders within what the chain takes of an owner; stops have the last word.

    `life`: blocks in which a transaction may be carried. One without an answer counts only for so long: had it arrived,
    the orders would be shown, and an outage would use up the turn of the stop that is sent when it is over.
    """

    blocks: BlockClock
    life: int = 10
    full_until: int = 0
    _turns: deque[Turn] = attrs.field(factory=lambda: deque(maxlen=_LONG), init=False)

    def admits(self, count: int, most: int) -> bool:
        """Whether so many may be placed now, `most` being what may be used of the longer span."""
        height = self.blocks.height
        now = sum(turn.count for turn in self._turns if turn.height == height)

        return now + count <= MOST and sum(turn.count for turn in self._lately()) + count <= most

    @property
    def is_full(self) -> bool:
        """Whether the chain has said so lately: others count too, as an earlier run, and what is refused does."""
        return self.blocks.height < self.full_until

    def spend(self, count: int) -> Turn:
        """Count placements."""
        turn = Turn(self.blocks.height, count)
        self._turns.append(turn)

        return turn

    def wait_s(self, most: int) -> float:
        """Return in about how many seconds there is room again."""
        counted = self._lately()

        if self.is_full:
            return (self.full_until - self.blocks.height) * self.blocks.block_s

        if sum(turn.count for turn in counted) < most:
            return self.blocks.block_s

        return max(1, min(map(self._until, counted)) - self.blocks.height) * self.blocks.block_s

    def _lately(self) -> list[Turn]:
        return [turn for turn in self._turns if self.blocks.height < self._until(turn)]

    def _until(self, turn: Turn) -> int:
        return turn.height + (_LONG if turn.is_answered else self.life + 1)
