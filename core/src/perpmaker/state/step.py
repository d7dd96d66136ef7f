"""What one fill makes of a position."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from perpmaker.model.position import Position


@attrs.frozen
class Step:
    """One applied fill: the venue's time, the signed amount in base, the price, and when it was told."""

    venue_ms: int
    amount: Decimal
    price: Decimal
    seen_at: float = 0.0


def moved(position: Position, step: Step) -> Position:
    """The position after a fill: the entry averages when it grows, stays when it shrinks, restarts when it flips.

    An entry that the venue has not told, 0, stays unknown as long as the position lasts. What the venue has said of the
    margin is of the amount before. Its liquidation price goes with the position, and is none of one turned round.
    """
    before, after = position.amount, position.amount + step.amount

    if after == 0:
        entry = Decimal(0)
    elif before == 0 or (before > 0) != (after > 0):
        entry = step.price
    elif abs(after) > abs(before) and position.entry > 0:
        entry = (before * position.entry + step.amount * step.price) / after
    else:
        entry = position.entry

    return attrs.evolve(
        position,
        amount=after,
        entry=entry,
        venue_ms=max(position.venue_ms, step.venue_ms),
        liquidation=position.liquidation if before * after > 0 else None,
        isolated_margin=None,
    )


def replayed(anchor: Position, steps: Iterable[Step]) -> Position:
    """The position after all of the fills, in the venue's order."""
    position = anchor

    for step in sorted(steps, key=lambda step: step.venue_ms):
        position = moved(position, step)

    return position


def is_larger(found: Position, believed: Position) -> bool:
    """Whether a position was opened, enlarged or turned round, compared with what is believed."""
    turned = found.amount * believed.amount < 0

    return bool(found.amount) and (turned or abs(found.amount) > abs(believed.amount))
