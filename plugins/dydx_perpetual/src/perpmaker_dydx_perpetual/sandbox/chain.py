"""The clock of the chain: blocks at fixed times, unless it stands still."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from perpmaker_dydx_perpetual.sandbox.options import Options

FIRST_HEIGHT: Final = 1_000_000
KEPT: Final = 1000
"""Blocks that are remembered."""


@attrs.frozen(kw_only=True)
class Block:
    """A committed block; its time is the exchange's."""

    height: int
    at_ms: int


class Chain:
    """Commits blocks. Whoever has something to do then is told of each, in the order in which it asked for it.

    Args:
        options: how long blocks take, and when none come.
        now_ms: the exchange's time at the start, which is that of the first block.
    """

    def __init__(self, options: Options, now_ms: int) -> None:
        self._options = options
        self._halts_at = FIRST_HEIGHT + options.halt_after if options.halt_after else None
        self.blocks = deque([Block(height=FIRST_HEIGHT, at_ms=now_ms)], maxlen=KEPT)
        self._next_ms = now_ms + options.block_ms
        self._listeners: list[Callable[[Block], None]] = []

    @property
    def last(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    @property
    def height(self) -> int:
        """Its height."""
        return self.last.height

    @property
    def since_start(self) -> int:
        """Blocks since the first one."""
        return self.height - FIRST_HEIGHT

    def block(self, height: int) -> Block | None:
        """Return a block that is remembered."""
        return next((block for block in self.blocks if block.height == height), None)

    def listen(self, listener: Callable[[Block], None]) -> None:
        """Be told of every block."""
        self._listeners.append(listener)

    def advance(self, now_ms: int) -> None:
        """Commit the blocks that are due."""
        while self._next_ms <= now_ms:
            block = Block(height=self.height + 1, at_ms=self._next_ms)
            self.blocks.append(block)
            self._next_ms += self._options.block_ms

            if block.height == self._halts_at:
                self._next_ms += round(self._options.halt_s * 1000)

            for listener in self._listeners:
                listener(block)
