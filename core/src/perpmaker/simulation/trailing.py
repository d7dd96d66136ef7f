"""Trailing stops: conditional orders that follow the best price and trigger when it turns back far enough."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.order import Side
from perpmaker.simulation.matching_engine import MatchingEngine
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.simulation.rejection import Rejection, RejectionError


def begin_trailing(floor: MatchingEngine, order: ConditionalOrder, watched: Decimal) -> ConditionalOrder:
    """Return a new trailing stop, which follows at once where it has no price to wait for.

    Rejected: ACTIVATION, for a selling one that would wait for a price at or below the present, a buying one at or
    above.
    """
    if not order.trigger_ticks:
        return attrs.evolve(order, extreme=watched)

    trigger = floor.instrument.price(order.trigger_ticks)

    if _is_reached(order, watched, trigger):
        raise RejectionError(Rejection.ACTIVATION, f"{trigger}, now {watched}")

    return order


def follow(floor: MatchingEngine, order: ConditionalOrder, low: Decimal, high: Decimal) -> bool:
    """Follow prices between low and high, and return whether the price has turned back by the order's share.

    Which of the two came first is not known: the price turns back from the best that was known before them.
    """
    best, worst = (high, low) if order.side is Side.SELL else (low, high)
    share = order.callback or Decimal(0)

    if order.extreme is not None and _is_reached(order, order.extreme * (1 - order.side.opposite.sign * share), worst):
        return True

    is_active = order.extreme is not None or _is_reached(order, best, floor.instrument.price(order.trigger_ticks))

    if is_active and (order.extreme is None or _is_reached(order, best, order.extreme)):
        known = floor.accounts[order.account].conditionals
        known[order.conditional_id] = attrs.evolve(order, extreme=best)

    return False


def _is_reached(order: ConditionalOrder, price: Decimal, goal: Decimal) -> bool:
    """Whether a price is at the goal or beyond it, in the direction that the order follows."""
    return price >= goal if order.side is Side.SELL else price <= goal
