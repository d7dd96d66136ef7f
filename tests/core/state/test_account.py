"""The account's sums: each execution and each funding once, to the last digit, in whatever asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import Fill, PositionMode, PositionSide, Side
from perpmaker.model.position import Balance, Position
from perpmaker.state.account import REMEMBERED, Account, Totals, without


def fill(trade_id: str, side: Side = Side.BUY, **changes: Any) -> Fill:
    """An execution of 1 at 100."""
    facts: dict[str, Any] = {
        "client_id": "pm-1",
        "venue_id": "7",
        "trade_id": trade_id,
        "side": side,
        "position_side": PositionSide.NET,
        "price": Decimal(100),
        "amount": Decimal(1),
        "fee": Decimal("0.04"),
        "fee_asset": "USDT",
        "maker": True,
        "realized_pnl": Decimal(0),
        "venue_ms": int(trade_id),
    }

    return Fill(**{**facts, **changes})


@pytest.fixture
def account() -> Account:
    """A flat One-way account."""
    return Account(PositionMode.ONE_WAY)


def test_sums_are_exact_and_each_fill_counts_once(account: Account) -> None:
    """Told twice by the stream, and once more by a read: booked once."""
    fills = [fill("1"), fill("2", Side.SELL, price=Decimal("100.1"), realized_pnl=Decimal("0.1"))]

    for one in [*fills, *fills, *fills]:
        account.fill(one, ours=True)

    totals = account.totals
    assert (totals.fills, totals.volume, totals.realized_pnl) == (2, Decimal("200.1"), Decimal("0.1"))
    assert totals.fees == {"USDT": Decimal("0.08")}


def test_sums_without_some_of_the_fills_are_those_of_the_others(account: Account) -> None:
    """What is told twice is taken out once; an asset that nothing else was paid in is left at zero."""
    early = [fill("1", realized_pnl=Decimal("0.3")), fill("2", fee=Decimal("0.1"), fee_asset="BNB", realized_pnl=None)]

    for one in [*early, fill("3", Side.SELL)]:
        account.fill(one, ours=True)

    assert without(account.totals, [*early, *early]) == Totals(
        fills=1, volume=Decimal(100), realized_pnl=Decimal(0), fees={"USDT": Decimal("0.04"), "BNB": Decimal(0)}
    )
    assert account.totals.fills == 3


def test_fees_are_summed_by_the_asset_they_were_paid_in(account: Account) -> None:
    """What was paid in BNB is never added to what was paid in quote; a rebate is negative."""
    account.fill(fill("1", fee=Decimal("0.0001"), fee_asset="BNB"), ours=True)
    account.fill(fill("2", fee=Decimal("-0.01")), ours=True)
    account.fill(fill("3", fee=Decimal("0.0002"), fee_asset="BNB"), ours=True)

    assert account.totals.fees == {"BNB": Decimal("0.0003"), "USDT": Decimal("-0.01")}


def test_what_is_not_ours_moves_the_position_and_no_sum(account: Account) -> None:
    """Somebody else's order on the account changes what we hold, and is nothing that we earned."""
    account.fill(fill("1", client_id="web"), ours=False)

    assert account.positions[PositionSide.NET].amount == 1
    assert account.totals.fills == 0


def test_without_the_venues_figure_the_profit_is_that_of_our_own_book(account: Account) -> None:
    """The part that shrinks the position, against its entry; what flips it realises nothing more."""
    account.fill(fill("1", realized_pnl=None), ours=True)
    account.fill(fill("2", Side.SELL, amount=Decimal(3), price=Decimal(110), realized_pnl=None), ours=True)

    assert account.totals.realized_pnl == 10
    assert account.positions[PositionSide.NET].amount == -2


def test_hedge_positions_do_not_touch_each_other() -> None:
    """Long and short have their own amount and entry; a side that the mode does not have is ignored."""
    account = Account(PositionMode.HEDGE)
    account.fill(fill("1", position_side=PositionSide.LONG), ours=True)
    account.fill(fill("2", Side.SELL, position_side=PositionSide.SHORT, price=Decimal(90)), ours=True)
    account.report(Position(side=PositionSide.NET, amount=Decimal(5), venue_ms=9), 0.0)

    positions = account.positions
    assert (positions[PositionSide.LONG].amount, positions[PositionSide.LONG].entry) == (Decimal(1), Decimal(100))
    assert (positions[PositionSide.SHORT].amount, positions[PositionSide.SHORT].entry) == (Decimal(-1), Decimal(90))


def test_an_older_word_on_a_balance_is_ignored(account: Account) -> None:
    """The newest by the venue's time counts."""
    account.balance(Balance(asset="USDT", wallet=Decimal(10), venue_ms=2))
    account.balance(Balance(asset="USDT", wallet=Decimal(9), venue_ms=1))

    assert account.balances["USDT"].wallet == 10


def test_profit_that_is_not_booked_is_that_at_the_mark(account: Account) -> None:
    """1 from 100 at 110; unknown without a mark."""
    account.fill(fill("1"), ours=True)

    assert account.unrealized(None) is None
    assert account.unrealized(Decimal(110)) == 10


def test_I17_ids_are_remembered_up_to_a_number(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week of fills does not fill the memory."""
    monkeypatch.setattr("perpmaker.state.account.REMEMBERED", 1_000)

    for number in range(1_010):
        account.fill(fill(str(number)), ours=True)

    assert REMEMBERED > 10_000
    assert len(account._trades) == 1_000


def test_a_fill_that_is_claimed_later_is_counted_then_and_moves_nothing_more(account: Account) -> None:
    """The venue told of it before it told whose it was; a second claim, and one of what nobody told, are none."""
    account.fill(fill("1"), ours=True)
    account.fill(fill("2", Side.SELL, realized_pnl=Decimal(3)), ours=False)
    assert account.unclaimed(Side.SELL, PositionSide.NET, 0) == 1
    assert (account.totals.fills, account.positions[PositionSide.NET].amount) == (1, 0)

    assert account.claim(fill("2", Side.SELL, realized_pnl=Decimal(3)))
    assert (account.totals.fills, account.totals.realized_pnl) == (2, 3)
    assert account.positions[PositionSide.NET].amount == 0
    assert account.unclaimed(Side.SELL, PositionSide.NET, 0) == 0

    assert not account.claim(fill("2", Side.SELL))
    assert not account.claim(fill("3", Side.SELL))
    assert not account.fill(fill("2", Side.SELL), ours=True)
    assert account.totals.fills == 2


def test_nothing_is_worked_out_from_an_entry_price_that_is_not_known(account: Account) -> None:
    """Profit, and what a fill realised, wait for it."""
    account.report(Position(side=PositionSide.NET, amount=Decimal(1), venue_ms=1), 0.0)

    assert account.unrealized(Decimal(100)) is None
    account.fill(fill("1", Side.SELL, venue_ms=2, realized_pnl=None), ours=True)
    assert account.totals.realized_pnl == 0
