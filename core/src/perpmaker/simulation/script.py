"""A market that does what a test says, when it says it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal

from perpmaker.model.order import Side
from perpmaker.simulation.participants import Participants


class ScriptedMarket:
    """Moves only by its methods. Each is done at the exchange's next command or `advance`.

    Starts with the given ladders, (ticks, lots), and mark price. Steps are done in the order in which they were
    asked for, each at the time `at_ms` or, without one, at once.
    """

    def __init__(
        self,
        *,
        bids: Sequence[tuple[int, int]] = (),
        asks: Sequence[tuple[int, int]] = (),
        mark: Decimal,
        funding_rate: Decimal = Decimal("0.0001"),
    ) -> None:
        self._steps: deque[tuple[int, Callable[[Participants], object]]] = deque()
        self.set_mark(mark, funding_rate=funding_rate)
        self.set_ladder(bids, asks)

    @property
    def next_ms(self) -> int | None:
        """When the next scripted step is due."""
        return self._steps[0][0] if self._steps else None

    def step(self, crowd: Participants) -> None:
        """Do the next scripted step."""
        _, act = self._steps.popleft()
        act(crowd)

    def set_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], *, at_ms: int = 0) -> None:
        """Show these levels and nothing else."""
        self._steps.append((at_ms, lambda crowd: crowd.set_ladder(bids, asks)))

    def take(self, side: Side, lots: int, limit_ticks: int | None = None, *, at_ms: int = 0) -> None:
        """Let another participant take so many lots: SELL sweeps the bids, BUY the asks."""
        self._steps.append((at_ms, lambda crowd: crowd.take(side, lots, limit_ticks)))

    def set_mark(
        self,
        mark: Decimal,
        *,
        index: Decimal | None = None,
        funding_rate: Decimal = Decimal("0.0001"),
        next_funding_ms: int | None = None,
        at_ms: int = 0,
    ) -> None:
        """Jump the mark price (and the index, unless given, with it), and say when funding is settled next."""
        index = index or mark
        self._steps.append((at_ms, lambda crowd: crowd.set_mark(mark, index, funding_rate, next_funding_ms)))
