"""What a run leaves behind, judged by the venue's last reading: whether every open position has its exits."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from decimal import Decimal

import attrs

from perpmaker.model.event import Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, OrderReport, OrderType, PositionSide, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Exit, TakeProfit, VenueStop, VenueTarget
from perpmaker.model.working_order import WorkingOrder
from perpmaker.runtime.shutdown import Closing, exit_left


@attrs.frozen(kw_only=True)
class Lacks:
    """What a trader and its settings say that positions lack at an end.

    `fired`: the positions whose stop has fired and is not through. `missing`: exits that should rest, and that the last
    reading does not show. `astray`: the positions whose stop should rest somewhere else. `needs_stop` tells whether a
    stop has to rest on the venue for a position that is left. `to_close`: a person wanted none to be left.
    """

    fired: frozenset[PositionSide]
    missing: Sequence[Exit]
    astray: frozenset[PositionSide]
    needs_stop: Callable[[Position], bool]
    to_close: bool = False

    def words(self, position: Position, exits: Iterable[OrderReport]) -> str:
        """What is wrong with a position that is left with these exits; empty when nothing is."""
        is_bare = self.needs_stop(position) and not any(one.type is OrderType.VENUE_STOP for one in exits)

        if self.to_close:
            return f"although it was to be closed{', without its stop on the venue' if is_bare else ''}"

        if position.side in self.fired:
            return "its stop has fired and is not through"

        kinds = dict.fromkeys(want.slot.kind for want in self.missing if want.slot.position_side is position.side)

        if is_bare:
            kinds[OrderKind.VENUE_STOP] = None

        if kinds:
            return f"without its {' and its '.join(kind.words for kind in kinds)}"

        return "its stop could not be brought to its own level" if position.side in self.astray else ""


def unprotected(
    closing: Closing, positions: Sequence[Position] | None, instrument: Instrument, lacks: Lacks
) -> str | None:
    """Say which position is open although its stop has fired, or without an exit that should rest; None for none.

    `positions` are those that were read last, None where they could not be read; `closing` has the exits.
    """
    if positions is None:
        return "the account could not be read at the end: position and exits are unknown"

    words = []

    for position in positions:
        exits = [one for one in closing.exits if one.position_side is position.side]

        if not instrument.is_dust(position.amount) and (why := lacks.words(position, exits)):
            rests = ", ".join(exit_left(one, instrument) for one in exits) or "nothing"
            words.append(f"{held(position, instrument)} is open, {why}; on the venue: {rests}")

    return "; ".join(words) or None


def left_over(account: Resynced | None, exits: Iterable[OrderReport], instrument: Instrument) -> str | None:
    """Say which exits rest although their position is gone: they would close what is opened later; None for none."""
    if account is None:
        return None

    open_ = {position.side for position in account.positions if position.amount}
    words = [f"{exit_left(one, instrument)} ({one.client_id})" for one in exits if one.position_side not in open_]

    return f"no position is left, and this could not be taken off: {', '.join(words)}" if words else None


def missing_exits(wants: Iterable[Exit], working: Iterable[WorkingOrder], shown: Container[str]) -> tuple[Exit, ...]:
    """Find the targets and stops that should rest, and are not among the client ids that the venue has shown."""
    resting: dict[Slot, list[str]] = {}

    for order in working:
        resting.setdefault(order.slot, []).append(order.client_id)

    return tuple(
        want
        for want in wants
        if isinstance(want, (TakeProfit, VenueStop, VenueTarget))
        and not any(client_id in shown for client_id in resting.get(want.slot, ()))
    )


def held(position: Position, instrument: Instrument) -> str:
    """A position in words: `long 0.010 BTC from 60000`."""
    side = "long" if position.amount > 0 else "short"
    entry = f" from {position.entry.normalize():f}" if position.entry > Decimal(0) else ""

    return f"{side} {abs(position.amount):f} {instrument.base}{entry}"
