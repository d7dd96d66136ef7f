"""The refresh: which resting orders are right as they are, and which level each slot holds from now on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import attrs

from perpmaker.model.order import Side, WorkingOrder


class Tolerance:
    """How far a resting price may be from its new one and stay: |new - old| / old <= tolerance; negative: never."""

    def __init__(self, tolerance: Decimal) -> None:
        self._replace_all = tolerance < 0
        self._over, self._under = tolerance.as_integer_ratio()

    def is_right(self, order: WorkingOrder, ticks: int, lots: int) -> bool:
        """Whether the resting order may stay for a new quote of this price and amount (the original amount counts)."""
        old = order.order

        if self._replace_all or old.lots != lots or old.ticks is None:
            return False

        return abs(ticks - old.ticks) * self._under <= self._over * old.ticks


@attrs.frozen(kw_only=True)
class Target:
    """What a level comes to at this refresh, by its place in the ladder."""

    level: int
    ticks: int
    lots: int


def match(
    side: Side,
    orders: Sequence[WorkingOrder],
    targets: Sequence[Target],
    is_right: Callable[[WorkingOrder, int, int], bool],
) -> dict[int, WorkingOrder]:
    """The set difference: level -> the resting order that is right for it, so that it keeps its queue place.

    Both sides are sorted from the market outward and compared place by place where there are as many of one as of the
    other; what is left is then compared with everything left, so that a ladder that moved by a whole level keeps the
    orders that stand at one of its new prices.
    """
    resting = sorted(orders, key=lambda order: -side.sign * (order.order.ticks or 0))
    wanted = sorted(targets, key=lambda target: -side.sign * target.ticks)
    kept: dict[int, WorkingOrder] = {}

    if len(resting) == len(wanted):
        for order, target in zip(resting, wanted, strict=True):
            if is_right(order, target.ticks, target.lots):
                kept[target.level] = order

    taken = {order.client_id for order in kept.values()}
    left = [order for order in resting if order.client_id not in taken]

    for target in wanted:
        if target.level not in kept:
            found = next((order for order in left if is_right(order, target.ticks, target.lots)), None)

            if found is not None:
                kept[target.level] = found
                left.remove(found)

    return kept


def arrange(places: tuple[int, ...], fixed: dict[int, int]) -> tuple[int, ...]:
    """Which level each slot holds: `fixed` are slot -> level; the others take their own level, or what is left."""
    free = set(range(len(places))) - set(fixed.values())
    arranged = dict(fixed)

    for slot in range(len(places)):
        if slot not in arranged and slot in free:
            arranged[slot] = slot
            free.discard(slot)

    rest = iter(sorted(free))

    return tuple(arranged[slot] if slot in arranged else next(rest) for slot in range(len(places)))
