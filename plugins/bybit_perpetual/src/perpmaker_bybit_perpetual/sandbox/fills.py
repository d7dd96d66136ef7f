"""What is known of an execution beside itself: what it closed, what it left, and its place in the sequence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from perpmaker import PositionSide
from perpmaker.venue import sandbox as kit

NEVER = -1
"""The sequence of a position that was never traded."""

_BEGIN = 1_000_000


def sequence(trade_id: int) -> int:
    """The cross sequence of a trade."""
    return _BEGIN + trade_id * 10


@attrs.frozen(kw_only=True)
class FillNote:
    """Lots that an execution closed, those of its order, what it left of them, and the position after it."""

    closed_lots: int
    order_lots: int
    leaves_lots: int
    position_lots: int


@attrs.frozen(kw_only=True)
class PastFunding:
    """A settlement of funding, and the signed lots of the position at that time."""

    number: int
    settled: kit.FundingSettled
    lots: int


class Fills:
    """Follows the executions and the funding of the account."""

    def __init__(self, parts: kit.SandboxParts) -> None:
        self._parts = parts
        self._lots: Counter[PositionSide] = Counter()
        self._notes: dict[tuple[int, int], FillNote] = {}
        self._sequences: list[tuple[int, PositionSide, int]] = []
        self._fundings: list[PastFunding] = []
        parts.exchange.subscribe(self._note)

    def note(self, execution: kit.Execution) -> FillNote:
        """What is known of an execution."""
        return self._notes[execution.trade_id, execution.order_id]

    def sequence_at(self, side: PositionSide, seen_ms: int) -> int:
        """The sequence of a position's last trade until then."""
        for now_ms, traded, number in reversed(self._sequences):
            if traded is side and now_ms <= seen_ms:
                return number

        return NEVER

    def fundings(self, seen_ms: int) -> Sequence[PastFunding]:
        """The settlements until then, oldest first."""
        return [one for one in self._fundings if one.settled.now_ms <= seen_ms]

    def _note(self, event: kit.SimulationEvent) -> None:
        own = self._parts.account.name

        if isinstance(event, kit.OrderChanged) and event.account == own and event.execution is not None:
            self._add(event.execution, event.order)
        elif isinstance(event, kit.FundingSettled) and event.account == own:
            number = len(self._fundings) + 1
            self._fundings.append(PastFunding(number=number, settled=event, lots=self._lots[event.side]))

    def _add(self, execution: kit.Execution, order: kit.SimulatedOrder) -> None:
        before, sign = self._lots[execution.position_side], execution.side.sign
        closed = min(execution.lots, abs(before)) if before * sign < 0 else 0
        after = before + sign * execution.lots
        self._lots[execution.position_side] = after
        note = FillNote(
            closed_lots=closed, order_lots=order.lots, leaves_lots=order.remaining_lots, position_lots=after
        )
        self._notes[execution.trade_id, execution.order_id] = note
        self._sequences.append((execution.now_ms, execution.position_side, sequence(execution.trade_id)))
