"""What a run leaves behind, judged by the venue's last reading: whether every open position has its exits."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from decimal import Decimal

from perpmaker.engine.stopping import Closing, exit_left
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport, PositionSide, Slot, WorkingOrder
from perpmaker.model.position import Position
from perpmaker.model.quote import Exit, TakeProfit, VenueStop


def unprotected(
    closing: Closing,
    positions: Sequence[Position] | None,
    instrument: Instrument,
    fired: frozenset[PositionSide],
    missing: Sequence[Exit],
) -> str | None:
    """Say which position is open although its stop has fired, or without an exit that should rest; None for none.

    Args:
        closing: The end, with the exits as they were read last.
        positions: The positions as they were read last; None where they could not be read.
        instrument: The market.
        fired: The positions whose stop has fired and is not through.
        missing: Exits that should rest, and that the last reading does not show.
    """
    if positions is None:
        return "the account could not be read at the end: position and exits are unknown"

    words = list(_positions(positions, closing.exits, instrument, fired, missing))

    return "; ".join(words) or None


def _positions(
    positions: Iterable[Position],
    exits: Sequence[OrderReport],
    instrument: Instrument,
    fired: frozenset[PositionSide],
    missing: Sequence[Exit],
) -> Iterator[str]:
    for position in positions:
        if instrument.is_dust(position.amount):
            continue

        lacks = [want.slot.kind.words for want in missing if want.slot.position_side is position.side]

        if position.side not in fired and not lacks:
            continue

        why = "its stop has fired and is not through" if position.side in fired else f"without its {_and(lacks)}"
        rests = [exit_left(one, instrument) for one in exits if one.position_side is position.side]
        yield f"{held(position, instrument)} is open, {why}; on the venue: {_and(rests) or 'nothing'}"


def missing_exits(wants: Iterable[Exit], working: Iterable[WorkingOrder], shown: Container[str]) -> tuple[Exit, ...]:
    """Find the targets and stops that should rest, and are not among the client ids that the venue has shown."""
    resting: dict[Slot, list[str]] = {}

    for order in working:
        resting.setdefault(order.slot, []).append(order.client_id)

    return tuple(
        want
        for want in wants
        if isinstance(want, (TakeProfit, VenueStop))
        and not any(client_id in shown for client_id in resting.get(want.slot, ()))
    )


def held(position: Position, instrument: Instrument) -> str:
    """A position in words: `long 0.010 BTC from 60000`."""
    side = "long" if position.amount > 0 else "short"
    entry = f" from {position.entry.normalize():f}" if position.entry > Decimal(0) else ""

    return f"{side} {abs(position.amount):f} {instrument.base}{entry}"


def _and(words: Sequence[str]) -> str:
    return ", ".join(words)
