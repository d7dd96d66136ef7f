"""What a run leaves to the next one on the same market: pauses that are not over, and stops that have fired.

Strategies and exits go by facts with times on the engine's clock, which begins anew with every process. Here they stand
together, and can be moved to the wall clock and back: the journal keeps a row of them whenever they change.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import attrs
import msgspec

from perpmaker.exits.memory import ExitMemory, Fired
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.results import KeptResults
from perpmaker.state.state import State
from perpmaker.state.view import End, SlotEnd

_TO_MS = 3


@attrs.frozen(kw_only=True)
class FiredAt:
    """A stop that has fired and is not done: the sign of its position (+1 long), and when."""

    sign: int
    at: float


@attrs.frozen(kw_only=True)
class Checkpoint:
    """Facts that outlive a process; all times in seconds of one clock.

    `filled_at`: when a quote of each side was last filled completely, `last_own_trade` at which ticks. `stopped_at`:
    when a stop loss last closed each position. `fired`: stops that have fired and whose position is not closed.
    `paused`: levels whose last order went without anybody's explanation, which counts as a person's wish. `held`: what
    each position amounted to, where it was not flat. `stops`: our ids of stops that bear none on the venue, by its own.
    `stop_times`: when stop losses closed positions, oldest first; `target_filled_at`: when a target was last filled.
    `results`: what losses are counted from.
    """

    filled_at: dict[Side, float] = attrs.field(factory=dict)
    last_own_trade: int | None = None
    stopped_at: dict[PositionSide, float] = attrs.field(factory=dict)
    fired: dict[PositionSide, FiredAt] = attrs.field(factory=dict)
    paused: tuple[tuple[Slot, SlotEnd], ...] = ()
    held: dict[PositionSide, Decimal] = attrs.field(factory=dict)
    stops: dict[str, str] = attrs.field(factory=dict)
    stop_times: tuple[float, ...] = ()
    target_filled_at: float | None = None
    results: KeptResults = attrs.field(factory=KeptResults)

    def moved(self, seconds: float, latest: float | None = None) -> Checkpoint:
        """The same on a clock that shows so many seconds more, none later than `latest`: clocks may be set back."""

        def move(at: float) -> float:
            moved = round(at + seconds, _TO_MS)

            return moved if latest is None else min(moved, latest)

        return attrs.evolve(
            self,
            filled_at={side: move(at) for side, at in self.filled_at.items()},
            stopped_at={side: move(at) for side, at in self.stopped_at.items()},
            fired={side: attrs.evolve(fired, at=move(fired.at)) for side, fired in self.fired.items()},
            paused=tuple((slot, attrs.evolve(end, at=move(end.at))) for slot, end in self.paused),
            stop_times=tuple(map(move, self.stop_times)),
            target_filled_at=None if self.target_filled_at is None else move(self.target_filled_at),
        )


def recollect(
    state: State, fired: dict[PositionSide, FiredAt], stops: Mapping[str, str] = MappingProxyType({})
) -> Checkpoint:
    """The facts of a state, with the stops that have fired, on the engine's clock; `stops` as the class has them."""
    endings = state.orders.endings
    paused = (
        (slot, end)
        for slot, end in endings.by_slot.items()
        if slot.kind is OrderKind.QUOTE and end.end is End.UNEXPLAINED
    )

    return Checkpoint(
        filled_at=dict(endings.quote_filled_at),
        last_own_trade=endings.last_own_trade,
        stopped_at=dict(state.stop_closed_at),
        fired=fired,
        paused=tuple(paused),
        stops=dict(stops),
        stop_times=tuple(state.stops.times),
        target_filled_at=endings.target_filled_at,
        held={side: position.amount for side, position in state.positions().items() if position.amount},
    )


def restore(checkpoint: Checkpoint, state: State) -> ExitMemory:
    """Put the facts into a state that has just begun; answers the memory of exits to begin with.

    A stop that had fired and whose position is gone by now closed it: its pause counts from when it fired.
    """
    fired = checkpoint.fired
    endings = state.orders.endings
    endings.quote_filled_at.update(checkpoint.filled_at)
    endings.last_own_trade = checkpoint.last_own_trade
    endings.by_slot.update(checkpoint.paused)
    endings.target_filled_at = checkpoint.target_filled_at
    endings.change()
    state.stops.recall(checkpoint.stop_times, checkpoint.stopped_at, fired)
    state.stop_closed_at.update(checkpoint.stopped_at)
    state.stop_closed_at.update({side: one.at for side, one in fired.items()})

    return ExitMemory(fired={side: Fired(sign=one.sign, at=one.at) for side, one in fired.items()})


def fired_in(memory: object) -> dict[PositionSide, FiredAt]:
    """The stops that have fired, of a memory of exits; none of any other memory.

    What a risk module demanded to be closed is not among them: the halt that goes with it is what outlives the run.
    """
    fired = memory.fired if isinstance(memory, ExitMemory) else {}

    return {side: FiredAt(sign=one.sign, at=one.at) for side, one in fired.items() if not one.demanded}


def encode_recollection(checkpoint: Checkpoint) -> bytes:
    """As a row of the journal keeps it."""
    return msgspec.json.encode(checkpoint)


def decode_recollection(payload: bytes) -> Checkpoint | None:
    """Back from a row of the journal; None for one of another version."""
    try:
        return msgspec.json.decode(payload, type=Checkpoint)
    except msgspec.MsgspecError:
        return None
