"""Exits that the venue refused as not reducing: the position is gone, or other closing orders hold it already.

Everything is read again, and the other exits of the position are cancelled; then the refused one goes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from perpmaker.model.order import PositionSide, Slot
from perpmaker.model.quote import Exit
from perpmaker.model.working_order import WorkingOrder

CONFLICT_TIMEOUT_S = 1.0
"""How long an exit waits for competing ones to be gone and for the account to be read; then it goes anyway."""

FORGET_S = 10.0


@attrs.frozen
class _Alone:
    slot: Slot
    since: float


class ExitConflict:
    """Per position, the one exit that may be live, since when."""

    def __init__(self) -> None:
        self._alone: dict[PositionSide, _Alone] = {}

    @property
    def is_holding(self) -> bool:
        """Whether an exit is to be alone at its position."""
        return bool(self._alone)

    def refused(self, slot: Slot, now: float) -> None:
        """Only this exit is wanted for its position now; refused once more, it waits no further."""
        known = self._alone.get(slot.position_side)

        if known is None or known.slot != slot:
            self._alone[slot.position_side] = _Alone(slot, now)

    def keep(self, wants: Iterable[Exit], now: float) -> tuple[Exit, ...]:
        """The wants without those that compete; an exit nobody wants any more, or for long, needs no room."""
        wanted = tuple(wants)

        if not self._alone:
            return wanted

        slots = [want.slot for want in wanted]
        self._alone = {
            side: alone for side, alone in self._alone.items() if alone.slot in slots and now < alone.since + FORGET_S
        }

        return tuple(
            want
            for want in wanted
            if not want.slot.kind.holds_position or self._slot(want.slot.position_side) in {None, want.slot}
        )

    def waiting(self, working: Sequence[WorkingOrder], now: float, *, resyncing: bool) -> Iterator[Slot]:
        """Slots that wait for competing exits to be gone, or for the account to be read."""
        for side, alone in self._alone.items():
            competing = any(
                order.slot.kind.holds_position and order.slot.position_side is side and order.slot != alone.slot
                for order in working
            )

            if now < alone.since + CONFLICT_TIMEOUT_S and (competing or resyncing):
                yield alone.slot

    def next_at(self, now: float) -> float | None:
        """When the next wait is over."""
        if not self._alone:
            return None

        ends = [alone.since + CONFLICT_TIMEOUT_S for alone in self._alone.values()]

        return min([end for end in ends if end > now], default=None)

    def _slot(self, side: PositionSide) -> Slot | None:
        alone = self._alone.get(side)

        return None if alone is None else alone.slot
