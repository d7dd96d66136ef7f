"""The ledger in the journal: rows of entries, and the steps of runs that wrote none."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.execution.action import Place
from perpmaker.journal.booked import ENTRY, MONEY_KINDS, entries_in, entry_of, recent_entries
from perpmaker.journal.file import Row
from perpmaker.journal.opening import open_journal
from perpmaker.journal.reading import JournalReader
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.ledger.entries import (
    ENTRY_WORDS,
    AccountEntry,
    FillEntry,
    FundingEntry,
    FundingReplaced,
    IncomeEntry,
    LedgerEntry,
    MarkoutEntry,
    Wallet,
)
from perpmaker.ledger.statement import Statement
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import FundingPaid, IncomeReported, OrderFilled, Resynced
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Balance, Position

KEY = Key(environment="sandbox", venue="v", account="a", market="BTC-USDT")
NOW_MS = 1_767_268_800_000
ROW = IncomeRecord(
    kind=IncomeKind.FEE, word="COMMISSION", income_id="7", asset="USDT", amount=Decimal("-0.1"), venue_ms=NOW_MS,
    symbol="BTCUSDT", trade_id="1",
)  # fmt: skip
FILL = Fill(
    client_id="pm-x-1", venue_id="9", trade_id="1", side=Side.BUY, position_side=PositionSide.NET, price=Decimal(100),
    amount=Decimal(2), fee=Decimal("0.1"), fee_asset="USDT", maker=True, realized_pnl=None, venue_ms=NOW_MS,
)  # fmt: skip
ALL: tuple[LedgerEntry, ...] = (
    FillEntry(
        trade_id="1", client_id="pm-x-1", side=Side.BUY, position_side=PositionSide.NET, price=Decimal("100.50"),
        amount=Decimal(2), fee=Decimal("0.1"), fee_asset="USDT", maker=True, realized=None, own_profit=Decimal(0),
        venue_ms=NOW_MS, ours=True, what=OrderKind.QUOTE, mid=Decimal("100.505"),
    ),
    IncomeEntry(record=ROW),
    FundingEntry(funding_id="f", asset="USDT", amount=Decimal(-1), venue_ms=NOW_MS),
    FundingReplaced(funding_id="f", venue_ms=NOW_MS),
    AccountEntry(
        at_ms=NOW_MS, wallets=(Wallet(asset="USDT", amount=Decimal("1E+4"), venue_ms=NOW_MS),),
        positions=(Position(side=PositionSide.NET, amount=Decimal(2), entry=Decimal(100)),), mark=Decimal(101),
        unrealized=Decimal(2), quote="USDT",
    ),
    MarkoutEntry(trade_id="1", side=Side.BUY, after_s=10, mid=Decimal(101), venue_ms=NOW_MS),
)  # fmt: skip


def written(path: Path, *steps: dict[str, Any], run: str = "r1") -> None:
    """Write a run of these steps."""
    with open_journal(path, KEY, run) as (journal, _):
        journal.record_run(NOW_MS, {})

        for content in steps:
            journal.record_step(Step(**{"at": 1.0, "events": (), "actions": (), "notices": (), **content}), NOW_MS)


def found(path: Path) -> list[LedgerEntry]:
    """Everything that a journal says of money."""
    return [entry for _, entry in entries_in(JournalReader(path).rows(kinds=MONEY_KINDS))]


def test_each_kind_of_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    """A row each, in the commit of their step, found by the entry's key."""
    assert {type(one) for one in ALL} == set(ENTRY_WORDS.values())
    written(tmp_path / "j", {"entries": ALL})
    assert found(tmp_path / "j") == list(ALL)
    rows = [row for row in JournalReader(tmp_path / "j").rows() if row.kind == ENTRY]
    assert [row.name for row in rows] == [one.key for one in ALL]
    assert [one for row in rows if (one := entry_of(row))] == list(ALL)


def test_what_was_booked_lately_is_known_to_the_next_run(tmp_path: Path) -> None:
    """Not what is older; a journal in memory knows nothing."""
    written(tmp_path / "j", {"entries": ALL})
    assert list(recent_entries(tmp_path / "j", NOW_MS)) == list(ALL)
    assert list(recent_entries(tmp_path / "j", NOW_MS + 1)) == []
    assert list(recent_entries(None, 0)) == []


@pytest.mark.parametrize("file_ms", [0, NOW_MS - 1, NOW_MS + 10**9])
def test_what_was_booked_lately_is_found_in_an_older_part_whatever_the_time_of_its_file(
    tmp_path: Path, file_ms: int
) -> None:
    """A backup that was put back, a clock that was set: rows say when they were written, and files do not."""
    path = tmp_path / "j"
    written(path, {"entries": ALL})
    path.rename(tmp_path / "j.000001")
    written(path, run="r2")
    os.utime(tmp_path / "j.000001", (file_ms / 1000, file_ms / 1000))
    assert list(recent_entries(path, NOW_MS)) == list(ALL)
    assert list(recent_entries(path, NOW_MS + 1)) == []


def old_run() -> tuple[dict[str, Any], ...]:
    """Steps of a run whose version wrote no entries: an order, its fill twice, funding, a reading, the history."""
    slot = Slot(OrderKind.QUOTE, Side.BUY)
    order = NewOrder(client_id="pm-x-1", slot=slot, type=OrderType.POST_ONLY, ticks=1000, lots=20)
    account = AccountSnapshot(
        positions=(Position(side=PositionSide.NET, venue_ms=NOW_MS),),
        assets=(Balance(asset="USDT", wallet=Decimal(100), venue_ms=NOW_MS),),
        available=Decimal(100),
    )
    read = Resynced(began_at=1.0, orders=(), finished=(), fills=(FILL,), account=account, venue_ms=NOW_MS)
    paid = FundingPaid(asset="USDT", amount=Decimal(-1), venue_ms=NOW_MS, funding_id="f")

    return (
        {"actions": (Place(order=order),)},
        {"events": (OrderFilled(fill=FILL), paid)},
        {"events": (read, OrderFilled(fill=FILL))},
        {"events": (IncomeReported(records=(ROW,), asked_at=2.0),)},
    )


def test_a_run_of_an_earlier_version_is_folded_from_its_steps(tmp_path: Path) -> None:
    """Its orders are those that the journal has an intent of."""
    written(tmp_path / "j", *old_run())
    entries = found(tmp_path / "j")
    (fill,) = [one for one in entries if isinstance(one, FillEntry)]
    assert (fill.ours, fill.what, fill.mid) == (True, OrderKind.QUOTE, None)
    statement = Statement("USDT")
    statement.take(entries)
    assert statement.total().result == {"USDT": Decimal("-1.1")}
    assert [one.wallets[0].amount for one in entries if isinstance(one, AccountEntry)] == [100]


def test_runs_of_both_versions_in_one_journal_are_one_ledger(tmp_path: Path) -> None:
    """What the newer one has read again is no second booking."""
    written(tmp_path / "j", *old_run())
    written(tmp_path / "j", {"entries": ALL}, run="r2")
    statement = Statement("USDT")
    statement.take(found(tmp_path / "j"))
    assert statement.total().fills == 1
    assert statement.total().fees == {"USDT": Decimal("0.1")}


def test_the_journal_of_an_early_version_has_its_history() -> None:
    """The fixture was written by the version of 7a7309f."""
    path = Path(__file__).parent / "journal_of_7a7309f.sqlite3"
    entries = found(path)
    assert [one for one in entries if isinstance(one, FillEntry) and one.ours]


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'["fill", {}]',
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b'["of a newer version", {}]',
                b"nothing",
            )
        ),
    ],
)
def test_a_row_in_other_words_is_left_out(payload: bytes) -> None:
    """Nobody's history ends at what a newer version has written."""
    assert entry_of(Row(run="r", kind=ENTRY, name="k", utc_ms=0, payload=payload)) is None
