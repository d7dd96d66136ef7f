"""The clock of the chain: which block is the newest, how long a block takes, and when a height is surely past."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

import anyio

from perpmaker import Clock, ConnectivityError

FRESH_S = 3.0
"""Seconds after which a height is too old to decide by: a stopped chain lets no order expire."""

USUAL_BLOCK_S = 0.65
"""Seconds of a block until it has been measured."""

SLACK = 1.5
"""By how much blocks may come more slowly than they did."""

_POLL_S = 0.2
_REMEMBERED = 200
_MEASURED = 30
_MOST_BEHIND = 8
_SHORTEST_S = 0.05
_MOST_UNHEARD = 8
"""Blocks that may have been made since the newest that was heard of, at most, while that is fresh."""


class BlockClock:
    """Follows the height of the chain.

    Args:
        clock: the engine's clock.
        ask: asks a node for its newest height and that block's time in milliseconds.
    """

    def __init__(self, clock: Clock, ask: Callable[[], Awaitable[tuple[int, int]]]) -> None:
        self.height = 0
        """The newest height that is known; 0 before there is one."""

        self.heard = 0
        """The newest height that the Indexer's stream has told; 0 before there is one."""

        self._behind = 0
        self._clock = clock
        self._ask = ask
        self._at = float("-inf")
        self._seen: deque[tuple[int, float, int]] = deque(maxlen=_MEASURED)
        self._times: OrderedDict[int, int] = OrderedDict()

    @property
    def shown(self) -> int:
        """The height up to which the Indexer has told what became of orders; the node's where no stream was heard."""
        return self.heard or self.height

    @property
    def age_s(self) -> float:
        """Seconds since the newest height was heard of."""
        return self._clock.now() - self._at

    @property
    def is_fresh(self) -> bool:
        """Whether orders may be sent by the height that is known."""
        return self.height > 0 and self.age_s <= FRESH_S

    @property
    def block_s(self) -> float:
        """Seconds of a block, as measured lately."""
        if len(self._seen) < 2:  # noqa: PLR2004  # one block has no length
            return USUAL_BLOCK_S

        (first, began, began_ms), (last, ended, ended_ms) = self._seen[0], self._seen[-1]
        # By the blocks' own times where both are told: heights may come all at once after a pause.
        seconds = (ended_ms - began_ms) / 1000 if began_ms and ended_ms else ended - began

        return max(seconds / (last - first), _SHORTEST_S)

    @property
    def expected(self) -> int:
        """The height that the chain has by now, if its blocks come as they came; as heard, where that is too old."""
        return self.height + (min(int(self.age_s / self.block_s), _MOST_UNHEARD) if self.is_fresh else 0)

    @property
    def is_behind(self) -> bool:
        """Whether the Indexer was blocks behind the node when both were looked at: what it shows is old."""
        return self._behind > _MOST_BEHIND

    def hear(self, height: int, venue_ms: int = 0) -> None:
        """Take over a height of the Indexer's stream."""
        self.heard = max(self.heard, height)
        self.observe(height, venue_ms)

    async def ask_node(self) -> None:
        """Ask the node for its newest height, and see how far the Indexer is behind it."""
        height, venue_ms = await self._ask()
        self._behind = height - self.heard if self.heard else 0
        self.observe(height, venue_ms)

    def observe(self, height: int, venue_ms: int = 0) -> None:
        """Take over a height, from wherever it came; an older one changes nothing."""
        if height <= self.height:
            return

        self.height, self._at = height, self._clock.now()
        self._seen.append((height, self._at, venue_ms))

        if venue_ms:
            self._times[height] = venue_ms

            if len(self._times) > _REMEMBERED:
                self._times.popitem(last=False)

    def time_of(self, height: int | None) -> int | None:
        """Return a block's time in milliseconds, where it was heard."""
        return None if height is None else self._times.get(height)

    def passes_at(self, height: int) -> float:
        """Return the engine's time by which a height is past, blocks being a little slower than they were."""
        return max(self._at, 0.0) + max(0, height + 1 - self.height) * self.block_s * SLACK

    async def refresh(self) -> int:
        """Return a height that is fresh; ask the node where none is known.

        Raises:
            ConnectivityError: the newest block is too old: the chain, or the node, has stopped.
        """
        if not self.is_fresh:
            await self.ask_node()

        if not self.is_fresh:
            raise ConnectivityError(f"the chain has no new block for {self.age_s:.0f} s: nothing is sent")

        return self.height

    async def pass_height(self, height: int, *, patience_s: float) -> None:
        """Wait until a height is past.

        Raises:
            ConnectivityError: it is not within so many seconds.
        """
        until = self._clock.now() + patience_s

        while self.height <= height:
            if self._clock.now() >= until:
                raise ConnectivityError(f"the chain is at block {self.height}, and block {height} is to pass first")

            await self.ask_node()

            if self.height <= height:
                await anyio.sleep(_POLL_S)
