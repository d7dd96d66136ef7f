"""Exits that must go alone: a flattening stop's closes, and exits that the venue refused because others compete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from perpmaker.execution.diff import Want
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot, WorkingOrder
from perpmaker.model.position import Position
from perpmaker.model.quote import Close, Exit

PATIENCE_S = 1.0
"""How long an exit waits for competing ones to be gone; then it goes out anyway."""

FORGET_S = 10.0


@attrs.frozen
class _Alone:
    slot: Slot
    since: float


class Closing:
    """Per position, the one exit that may be live, since when; the others are cancelled first."""

    def __init__(self) -> None:
        self._alone: dict[PositionSide, _Alone] = {}

    def alone(self, slot: Slot, now: float) -> None:
        """Only this exit is wanted for its position now."""
        self._alone[slot.position_side] = _Alone(slot, now)

    def keep(self, wants: Iterable[Exit], now: float) -> tuple[Exit, ...]:
        """The wants without those that compete; an exit nobody wants any more, or for long, needs no room."""
        wanted = tuple(wants)
        slots = [want.slot for want in wanted]
        self._alone = {
            side: alone for side, alone in self._alone.items() if alone.slot in slots and now < alone.since + FORGET_S
        }

        return tuple(want for want in wanted if self._slot(want.slot.position_side) in {None, want.slot})

    def waiting(self, working: Sequence[WorkingOrder], now: float) -> Iterator[Slot]:
        """Slots that wait for competing exits to be gone."""
        for side, alone in self._alone.items():
            competing = (
                order.slot.kind.is_exit and order.slot.position_side is side and order.slot != alone.slot
                for order in working
            )

            if now < alone.since + PATIENCE_S and any(competing):
                yield alone.slot

    def next_at(self) -> float | None:
        """When the wait of one of them is over."""
        return min((alone.since + PATIENCE_S for alone in self._alone.values()), default=None)

    def _slot(self, side: PositionSide) -> Slot | None:
        alone = self._alone.get(side)

        return None if alone is None else alone.slot


def closes(positions: Mapping[PositionSide, Position], instrument: Instrument) -> tuple[Close, ...]:
    """A market close for each position that is at least a lot, cut to the largest market order."""
    return tuple(
        Close(slot=Slot(OrderKind.CLOSE, _closing_side(position), 0, position.side), lots=lots)
        for position in positions.values()
        if (lots := market_lots(instrument.lots_down(abs(position.amount)), instrument))
    )


def market_lots(lots: int, instrument: Instrument) -> int:
    """At most as many lots as one market order may have."""
    return min(lots, instrument.lots_down(instrument.max_market_amount))


def escalated(want: Want, instrument: Instrument) -> Close:
    """The market order that an exit becomes which did not get through."""
    return Close(slot=want.slot, lots=market_lots(want.lots, instrument), reasons=want.reasons)


def _closing_side(position: Position) -> Side:
    return Side.SELL if position.amount > 0 else Side.BUY
