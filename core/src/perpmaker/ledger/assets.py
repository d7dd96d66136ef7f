"""Sums of money by asset, exact; what is in one asset is never added to what is in another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

_ZERO = Decimal(0)


def added(*sums: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return all sums together, asset by asset."""
    total: dict[str, Decimal] = {}

    for amounts in sums:
        for asset, amount in amounts.items():
            total[asset] = total.get(asset, _ZERO) + amount

    return total


def negated(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the same with the other sign."""
    return {asset: -amount for asset, amount in amounts.items()}


def without_idle(amounts: Mapping[str, Decimal], keep: Iterable[str] = ()) -> dict[str, Decimal]:
    """Return the assets whose sum is not zero, and those to keep, in the order of their names, those to keep first."""
    kept = list(dict.fromkeys(keep))
    others = sorted(asset for asset, amount in amounts.items() if amount and asset not in kept)

    return {asset: amounts.get(asset, _ZERO) for asset in (*kept, *others)}
