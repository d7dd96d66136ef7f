"""Margin of a linear perpetual: tiers to maintenance and initial margin, and the price of liquidation. Pure.

Shared by the simulated exchange, the pre-flight report and the risk modules. Notionals and margins are Decimal in
quote asset, amounts Decimal in base; `amount` is signed where it says so (negative: short).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from perpmaker.model.instrument import Instrument, MarginTier, OrderMargin

Number = TypeVar("Number", int, Decimal)

_ZERO = Decimal(0)
_UNTIERED = MarginTier(
    floor=_ZERO, cap=Decimal("Infinity"), maintenance_ratio=_ZERO, deduction=_ZERO, max_leverage=1_000
)


def tier_of(tiers: Sequence[MarginTier], notional: Decimal) -> MarginTier:
    """The tier that a notional (its absolute value) falls into; the last one for everything above all caps.

    Without tiers: one without bounds, that asks for no maintenance margin.
    """
    size = abs(notional)

    return next((tier for tier in tiers if size <= tier.cap), tiers[-1] if tiers else _UNTIERED)


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """What a venue demands to open this notional."""
    return abs(notional) / leverage


def quote_cost(instrument: Instrument, leverage: int, notional: Decimal) -> Decimal:
    """What a quote of this notional takes from the capital: its margin and the taker fee."""
    return notional * (1 + instrument.taker_fee * leverage) / leverage


def affordable_notional(instrument: Instrument, leverage: int, capital: Decimal) -> Decimal:
    """The notional of quotes whose cost is this capital; the other way round of `quote_cost`."""
    return capital * leverage / (1 + instrument.taker_fee * leverage)


def bound_notional(kind: OrderMargin, bids: Number, asks: Number) -> Number:
    """The notional that a venue demands margin for, of resting bids and asks of these notionals."""
    if kind is OrderMargin.BOTH_SIDES:  # first, because nearly every venue does so
        return bids + asks

    return max(bids, asks) if kind is OrderMargin.LARGER_SIDE else bids * 0


def maintenance_margin(tiers: Sequence[MarginTier], notional: Decimal) -> Decimal:
    """The equity below which a position of this notional is liquidated."""
    tier = tier_of(tiers, notional)

    return abs(notional) * tier.maintenance_ratio - tier.deduction


def largest_notional(tiers: Sequence[MarginTier], leverage: int) -> Decimal | None:
    """The largest notional that may be held with this leverage; None: no bound, 0: the leverage is never allowed."""
    if not tiers:
        return None

    return max((tier.cap for tier in tiers if tier.max_leverage >= leverage), default=_ZERO)


def liquidation_price(
    tiers: Sequence[MarginTier], *, amount: Decimal, entry: Decimal, margin: Decimal
) -> Decimal | None:
    """The mark price at which equity falls to the maintenance margin; None where no positive price does that.

    `amount` is signed. `margin` is the isolated margin, or for cross the wallet plus the other positions' unrealised
    profit less their maintenance margin. With q = |amount|: long (entry - (margin + cum)/q) / (1 - mmr), short
    (entry + (margin + cum)/q) / (1 + mmr), with mmr and cum of the tier that the notional is in at that price.
    """
    if amount == 0:
        return None

    sign = 1 if amount > 0 else -1
    size = abs(amount)

    for tier in tiers or (_UNTIERED,):
        price = (entry - sign * (margin + tier.deduction) / size) / (1 - sign * tier.maintenance_ratio)

        # Equity less maintenance is monotonous in the price, so the tier whose root lies within it is the only one.
        if price * size <= tier.cap or tier is tiers[-1]:
            return price if price > 0 else None

    return None


def approximate_liquidation(*, entry: Decimal, leverage: int, maintenance_ratio: Decimal, sign: int) -> Decimal:
    """The rule of thumb for an isolated position in one tier, as calculators show it; `sign` +1 long, -1 short."""
    return entry * (1 - sign * (1 / Decimal(leverage) - maintenance_ratio))


def free_margin_share(equity: Decimal, bound: Decimal) -> Decimal:
    """The share of the equity that positions and orders do not bind; 0 without equity, below 0 where it is not enough.

    By the initial margin: by the maintenance margin it would look free until just before liquidation.
    """
    return (equity - bound) / equity if equity > 0 else _ZERO
