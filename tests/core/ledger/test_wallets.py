"""The ledger held against the venue's balances."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.ledger.entries import AccountEntry, Wallet
from perpmaker.ledger.sums import Amount, Line
from perpmaker.ledger.wallets import BLURRED_MS, check_wallets

START_MS, END_MS = 1_000_000, 2_000_000


def reading(at_ms: int, **wallets: str) -> AccountEntry:
    """The account as it was read."""
    found = tuple(Wallet(asset=asset, amount=Decimal(amount), venue_ms=at_ms) for asset, amount in wallets.items())

    return AccountEntry(at_ms=at_ms, wallets=found, positions=(), mark=None, unrealized=None)


def booked(at_ms: int, amount: str, asset: str = "USDT") -> Amount:
    """Something that is booked."""
    return Amount(at_ms, Line.FEES, asset, Decimal(amount))


def test_what_is_booked_between_two_readings_is_what_the_wallet_changed_by() -> None:
    """What was booked before the first or after the last of them is in none of it; each asset by itself."""
    accounts = [reading(START_MS, USDT="100", BNB="1"), reading(END_MS, USDT="97", BNB="0.9")]
    amounts = [
        booked(START_MS - 60_000, "5"),
        booked(1_500_000, "-3"),
        booked(1_500_000, "-0.1", "BNB"),
        booked(END_MS + 60_000, "7"),
    ]
    checks = check_wallets(accounts, amounts)
    assert [(one.asset, one.booked, one.difference) for one in checks] == [
        ("BNB", Decimal("-0.1"), 0),
        ("USDT", Decimal(-3), 0),
    ]


def test_what_no_entry_says_is_shown_with_its_asset_and_never_absorbed() -> None:
    """Another market of the account, say: to the last digit."""
    accounts = [reading(START_MS, USDT="100"), reading(END_MS, USDT="97.00000001")]
    (check,) = check_wallets(accounts, [booked(1_500_000, "-3")])
    assert check.difference == Decimal("0.00000001")


def test_a_reading_stands_where_it_fits_within_a_few_seconds_of_its_date() -> None:
    """It takes its time, and a venue answers a little late; beyond that it is a difference."""
    accounts = [reading(START_MS, USDT="100"), reading(END_MS, USDT="97")]

    for late_ms, difference in ((BLURRED_MS, 0), (BLURRED_MS + 1, Decimal(-3))):
        (check,) = check_wallets(accounts, [booked(END_MS + late_ms, "-3")])
        assert check.difference == difference

    (check,) = check_wallets(accounts, [booked(START_MS - 100, "-3")])
    assert check.difference == 0


def test_an_asset_that_came_later_begins_at_nothing() -> None:
    """It was moved there; without any reading there is nothing to compare."""
    accounts = [reading(START_MS, USDT="100"), reading(END_MS, USDT="100", BNB="2")]
    checks = check_wallets(accounts, [booked(1_500_000, "2", "BNB")])
    assert [(one.asset, one.opening, one.difference) for one in checks] == [("BNB", 0, 0), ("USDT", 100, 0)]
    assert check_wallets([], [booked(1_500_000, "2")]) == []
