"""The refresh: which resting orders are right as they are, and which level each slot holds from now on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from perpmaker.model.order import Side
from perpmaker.model.working_order import WorkingOrder

_BUY = Side.BUY


class Target(NamedTuple):
    """What a level comes to at this refresh, by its place in the ladder."""

    level: int
    ticks: int
    lots: int


class Resting(NamedTuple):
    """A resting order as a refresh sees it: it is right for a new quote of `lots` at `low` to `high` ticks."""

    order: WorkingOrder
    ticks: int
    lots: int
    low: int
    high: int

    def is_right(self, target: Target) -> bool:
        """Whether the order may stay for this new quote."""
        return self.low <= target.ticks <= self.high and self.lots == target.lots

    def is_passed(self, side: Side, ticks: int) -> bool:
        """Whether a price lies farther out than every one for which the order may stay."""
        return ticks < self.low if side.sign > 0 else ticks > self.high

    def is_ahead(self, side: Side, ticks: int) -> bool:
        """Whether a price lies nearer to the market than every one for which the order may stay."""
        return ticks > self.high if side.sign > 0 else ticks < self.low


_TICKS = itemgetter(1)
"""Where both have their price."""


class Tolerance:
    """How far a resting price may be from its new one and stay: |new - old| / old <= tolerance; negative: never.

    `is_exact`: no price stays that is any other than the new one.
    """

    def __init__(self, tolerance: Decimal) -> None:
        self._over, self._under = tolerance.as_integer_ratio()
        self.is_exact = tolerance <= 0

    def look_at(self, order: WorkingOrder) -> Resting:
        """The order with the range of new prices for which it stays; its original amount counts."""
        ticks, lots = order.order.ticks or 0, order.order.lots
        reach = self._over * ticks // self._under  # negative for a negative tolerance: then the range is empty

        return Resting(order, ticks, lots, ticks - reach, ticks + reach)


def rests(order: WorkingOrder) -> bool:
    """Whether an order rests that nothing is under way to take off; where it does may not be known."""
    return order.status.is_open or order.amended_from is not None


def match(side: Side, resting: Sequence[Resting], targets: Sequence[Target]) -> dict[int, WorkingOrder]:
    """The set difference: level -> the resting order that is right for it, so that it keeps its queue place.

    Both are sorted from the market outward and compared place by place where there are as many of one as of the other;
    what is left is then compared with everything left, so that a ladder that moved by a whole level keeps the orders
    that stand at one of its new prices.
    """
    kept: dict[int, WorkingOrder] = {}

    if not resting or not targets:
        return kept

    is_bid = side is _BUY
    orders = sorted(resting, key=_TICKS, reverse=is_bid)
    wanted = sorted(targets, key=_TICKS, reverse=is_bid)

    if len(orders) == len(wanted):
        pairs = list(zip(orders, wanted, strict=True))
        kept = {target.level: one.order for one, target in pairs if one.is_right(target)}
        orders = [one for one, target in pairs if target.level not in kept]

    for target in wanted:
        if target.level in kept:
            continue

        while orders and orders[0].is_passed(side, target.ticks):  # and by every target farther out
            orders.pop(0)

        for one in orders:
            if one.is_ahead(side, target.ticks):  # as is every order farther out
                break

            if one.lots == target.lots:
                kept[target.level] = one.order
                orders.remove(one)
                break

    return kept


def arrange(places: tuple[int, ...], fixed: dict[int, int]) -> tuple[int, ...]:
    """Which level each slot holds: `fixed` are slot -> level; the others take their own level, or what is left."""
    if not fixed:
        return tuple(range(len(places)))

    free = set(range(len(places))) - set(fixed.values())
    arranged = dict(fixed)

    for slot in range(len(places)):
        if slot not in arranged and slot in free:
            arranged[slot] = slot
            free.discard(slot)

    rest = iter(sorted(free))

    return tuple(arranged[slot] if slot in arranged else next(rest) for slot in range(len(places)))
