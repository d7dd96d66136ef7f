"""What entries come to: each thing once, whoever tells it, in whatever order."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from perpmaker.ledger.entries import FundingEntry, FundingReplaced, LedgerEntry
from perpmaker.ledger.statement import DAY_MS, Statement
from perpmaker.ledger.sums import Line, Sums
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import Side

HOUR_MS = 3_600_000


def summed(*entries: LedgerEntry) -> Sums:
    """The sums of entries, which are the same in every order, and when all of them come twice."""
    found = []

    for order in permutations(entries):
        statement = Statement("USDT")
        statement.take([*order, *order])
        found.append(statement.total())

    money = [{key: amount for key, amount in one.money.items() if amount} for one in found]
    assert all(one == money[0] for one in money)
    assert len({(one.fills, one.volume, one.spread, one.unsplit) for one in found}) == 1

    return found[0]


def test_an_execution_and_the_rows_that_book_it_count_once(entries: Any) -> None:
    """The stream tells fee and profit, and the history has a row of each."""
    fill = entries.fill(realized=Decimal(3))
    fee = entries.row(IncomeKind.FEE, "-0.1", trade_id="1")
    profit = entries.row(IncomeKind.REALIZED, "3", trade_id="1")

    for told in ((fill,), (fill, fee), (fill, fee, profit)):
        sums = summed(*told)
        assert sums.result == {"USDT": Decimal("2.9")}
        assert sums.fees == {"USDT": Decimal("0.1")}
        assert (sums.fills, sums.volume, sums.spread) == (1, 200, 1)


def test_the_history_counts_where_it_says_otherwise(entries: Any) -> None:
    """It is the venue's own book: what the wallet has changed by."""
    rows = (entries.row(IncomeKind.FEE, "-0.11", trade_id="1"), entries.row(IncomeKind.REALIZED, "3.01", trade_id="1"))
    assert summed(entries.fill(realized=Decimal(3)), *rows).result == {"USDT": Decimal("2.90")}


def test_a_profit_that_no_fill_tells_is_our_own_until_the_history_has_it(entries: Any) -> None:
    """dYdX: our book divides, and the venue rounds."""
    fill = entries.fill(realized=None, own_profit=Decimal("0.333333333333"))
    assert summed(fill).by_asset(Line.REALIZED) == {"USDT": Decimal("0.333333333333")}

    fee = entries.row(IncomeKind.FEE, "-0.1", trade_id="1")
    profit = entries.row(IncomeKind.REALIZED, "0.33333333", trade_id="1")
    assert summed(fill, fee, profit).by_asset(Line.REALIZED) == {"USDT": Decimal("0.33333333")}
    assert not any(summed(fill, fee).by_asset(Line.REALIZED).values())  # the venue has booked the trade without one


def test_two_executions_of_one_trade_are_two(entries: Any) -> None:
    """Two orders of the account have met: one fee row has come so far, then both."""
    both = (entries.fill(), entries.fill(side=Side.SELL, fee=Decimal("0.2")))
    first = entries.row(IncomeKind.FEE, "-0.1", "1", trade_id="1")
    second = entries.row(IncomeKind.FEE, "-0.2", "2", trade_id="1")

    for told in (both, (*both, first), (*both, first, second)):
        sums = summed(*told)
        assert sums.fees == {"USDT": Decimal("0.3")}
        assert sums.fills == 2


def test_orders_of_somebody_else_are_a_line_of_their_own(entries: Any) -> None:
    """They change the wallet, and are not the bot's result; one that turns out to be ours later is."""
    by_hand = entries.fill("2", ours=False, realized=Decimal(5))
    sums = summed(entries.fill(), by_hand, entries.row(IncomeKind.FEE, "-0.1", trade_id="2"))
    assert sums.result == {"USDT": Decimal("-0.1")}
    assert sums.by_asset(Line.BY_HAND) == {"USDT": Decimal("4.9")}
    assert sums.fills == 1

    sums = summed(by_hand, entries.fill("2", realized=Decimal(5)))
    assert sums.result == {"USDT": Decimal("4.9")}
    assert not any(sums.by_asset(Line.BY_HAND).values())


def test_rows_whose_fill_nobody_told_are_not_taken_for_ours(entries: Any) -> None:
    """Once the fill is known they are."""
    fee = entries.row(IncomeKind.FEE, "-0.1", trade_id="1")
    assert summed(fee).by_asset(Line.BY_HAND) == {"USDT": Decimal("-0.1")}
    assert summed(fee, entries.fill()).result == {"USDT": Decimal("-0.1")}


def test_fees_in_another_asset_are_never_added_to_the_quote_asset(entries: Any) -> None:
    """BNB is BNB."""
    fill = entries.fill(fee=Decimal("0.0002"), fee_asset="BNB", realized=Decimal(3))
    row = entries.row(IncomeKind.FEE, "-0.0002", trade_id="1", asset="BNB")

    for told in ((fill,), (fill, row)):
        assert summed(*told).result == {"USDT": Decimal(3), "BNB": Decimal("-0.0002")}


@pytest.mark.parametrize("legs", [1, 2])
def test_funding_that_was_told_is_replaced_by_the_history(entries: Any, legs: int) -> None:
    """One message may stand for both legs of a Hedge position, whose rows come one by one."""
    told = FundingEntry(funding_id="f", asset="USDT", amount=Decimal(-3), venue_ms=entries.noon_ms)
    rows = [entries.row(IncomeKind.FUNDING, "-3", "1")]

    if legs == 2:
        rows = [entries.row(IncomeKind.FUNDING, "-5", "1"), entries.row(IncomeKind.FUNDING, "2", "2")]

    over = FundingReplaced(funding_id="f", venue_ms=entries.noon_ms)

    for entries_told in ((told,), (told, *rows[:1]), (told, *rows), (told, *rows, over), (*rows, over), tuple(rows)):
        assert summed(*entries_told).by_asset(Line.FUNDING) == {"USDT": Decimal(-3)}

    assert not any(summed(told, over).by_asset(Line.FUNDING).values())


def test_what_belongs_to_no_trade_has_a_line_by_its_kind(entries: Any) -> None:
    """What belongs to no market is a matter of the account, as transfers are."""
    sums = summed(
        entries.row(IncomeKind.LIQUIDATION_FEE, "-7"),
        entries.row(IncomeKind.INSURANCE, "2"),
        entries.row(IncomeKind.TRANSFER, "50", symbol=""),
        entries.row(IncomeKind.OTHER, "1", "1"),
        entries.row(IncomeKind.OTHER, "9", "2", symbol=""),
    )
    assert sums.by_asset(Line.LIQUIDATION) == {"USDT": Decimal(-5)}
    assert sums.by_asset(Line.OTHER) == {"USDT": Decimal(1)}
    assert sums.by_asset(Line.TRANSFERS) == {"USDT": Decimal(59)}
    assert sums.result == {"USDT": Decimal(-4)}


def test_days_are_those_of_the_venues_clock_in_utc(entries: Any) -> None:
    """A payment a millisecond before midnight is of the day before."""
    midnight_ms = (entries.noon_ms // DAY_MS + 1) * DAY_MS
    statement = Statement("USDT")
    statement.take(
        [
            entries.fill("1", venue_ms=midnight_ms - 1),
            entries.fill("2", venue_ms=midnight_ms),
            entries.row(IncomeKind.FUNDING, "-1", venue_ms=midnight_ms),
        ]
    )
    found = [(sums.fills, sums.result["USDT"]) for _, sums in sorted(statement.days.items())]
    assert found == [(1, Decimal("-0.1")), (1, Decimal("-1.1"))]


def test_a_bounded_statement_forgets_groups_and_keeps_sums(entries: Any) -> None:
    """A bot that runs for months remembers no more than it needs to recognise what comes again."""
    statement = Statement("USDT", most=10)

    for number in range(100):
        statement.add(entries.fill(str(number)))

    assert statement.total().fills == 100
    assert statement.total().fees == {"USDT": Decimal(10)}
    assert len(list(statement.trades)) == 10
