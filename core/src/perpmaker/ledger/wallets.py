"""Holds the ledger against the venue's own balances: what is booked must be what the wallet has changed by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import accumulate

import attrs

from perpmaker.ledger.entries import AccountEntry
from perpmaker.ledger.sums import ZERO, Amount

BLURRED_MS = 5_000
"""How far apart a wallet's date and what is in it may be: a reading takes its time, and venues answer a little late."""


@attrs.frozen(kw_only=True)
class WalletCheck:
    """One asset between two readings of its wallet: `opening` and `closing`, and what is `booked` between them.

    `from_ms` and `until_ms` are the dates of the readings, by the venue's clock.
    """

    asset: str
    opening: Decimal
    closing: Decimal
    booked: Decimal
    from_ms: int
    until_ms: int

    @property
    def difference(self) -> Decimal:
        """What the wallet has changed by and no entry says: other markets of the account, or what was not told."""
        return self.closing - self.opening - self.booked


def check_wallets(accounts: Sequence[AccountEntry], amounts: Iterable[Amount]) -> list[WalletCheck]:
    """Compare the first and the last reading of each wallet with what is booked, asset by asset.

    A reading stands between two entries of the venue's book. Its date says between which ones, but for a few seconds:
    within these, the place where the sums agree is taken.
    """
    if not accounts:
        return []

    by_asset: dict[str, list[Amount]] = {}

    for amount in amounts:
        by_asset.setdefault(amount.asset, []).append(amount)

    assets = {wallet.asset for one in (accounts[0], accounts[-1]) for wallet in one.wallets} | by_asset.keys()

    return [_check(asset, accounts[0], accounts[-1], by_asset.get(asset, [])) for asset in sorted(assets)]


def _check(asset: str, first: AccountEntry, last: AccountEntry, booked: list[Amount]) -> WalletCheck:
    opening, from_ms = _wallet(first, asset)
    closing, until_ms = _wallet(last, asset)
    until_ms = max(from_ms, until_ms)  # a wallet that has not changed may bear the older date
    booked.sort(key=lambda one: one.venue_ms)
    wanted = closing - opening
    sums_until = list(accumulate((one.amount for one in booked), initial=ZERO))
    nominal = sums_until[_before(booked, until_ms)] - sums_until[_before(booked, from_ms)]

    if nominal != wanted:
        sums = (
            sums_until[end] - sums_until[begin]
            for begin in _places(booked, from_ms)
            for end in _places(booked, until_ms)
            if begin <= end
        )
        nominal = next((one for one in sums if one == wanted), nominal)

    return WalletCheck(
        asset=asset, opening=opening, closing=closing, booked=nominal, from_ms=from_ms, until_ms=until_ms
    )


def _wallet(account: AccountEntry, asset: str) -> tuple[Decimal, int]:
    """The wallet of an asset and its date; an asset that a whole reading does not have is not there."""
    found = next((one for one in account.wallets if one.asset == asset), None)

    return (ZERO, account.at_ms) if found is None else (found.amount, found.venue_ms)


def _before(booked: list[Amount], at_ms: int) -> int:
    return bisect_right(booked, at_ms, key=lambda one: one.venue_ms)


def _places(booked: list[Amount], at_ms: int) -> range:
    return range(_before(booked, at_ms - BLURRED_MS), _before(booked, at_ms + BLURRED_MS) + 1)
