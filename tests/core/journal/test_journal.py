from __future__ import annotations

import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import attrs
import msgspec
import pytest

from perpmaker.errors import JournalError
from perpmaker.execution.action import Amend, Cancel, Place
from perpmaker.journal.halt_latch import HaltLatch
from perpmaker.journal.journal import Journal
from perpmaker.journal.opening import open_journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.model.client_id import TextIds
from perpmaker.model.event import OrderFilled
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderType, PositionSide, Side, Slot

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
ORDER = NewOrder(
    client_id="pm-b-r1-1",
    slot=Slot(OrderKind.QUOTE, Side.BUY, 2, PositionSide.LONG),
    lots=10,
    ticks=600_000,
    type=OrderType.POST_ONLY,
    generation=3,
)
FILL = Fill(
    client_id="pm-b-r1-1",
    venue_id="7",
    trade_id="70",
    side=Side.BUY,
    position_side=PositionSide.LONG,
    price=Decimal("60000.10"),
    amount=Decimal("0.010"),
    fee=Decimal("0.1200002"),
    fee_asset="USDT",
    maker=True,
    realized_pnl=None,
    venue_ms=1,
)
STEP = Step(at=1.5, events=[OrderFilled(fill=FILL)], actions=[Place(order=ORDER)], notices=["filled"])


def test_what_was_intended_is_known_by_its_client_id_to_a_later_run(tmp_path: Path) -> None:
    """A restart finds the order behind a client id, exactly as it was about to be sent, and the runs before it."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {"version": "0"})
        journal.record_step(STEP, 2)

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, aside):
        assert aside is None
        found = journal.intent("pm-b-r1-1")
        assert found == ORDER
        assert found is not None
        assert {found.slot} == {ORDER.slot}
        assert journal.intent("pm-b-r1-2") is None
        assert (journal.knows_run("r1"), journal.knows_run("r2")) == (True, False)


def test_an_amend_is_written_before_it_is_sent_and_is_what_the_order_was_meant_for_last(tmp_path: Path) -> None:
    """The newest counts; what the order was meant to be before is still there, should the amend not have been made."""
    amended = attrs.evolve(ORDER, ticks=600_010, lots=7, generation=4)
    amend = Amend(order=amended, before=ORDER, venue_id="7", number=1)

    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {"version": "0"})
        journal.record_step(STEP, 2)
        journal.record_step(attrs.evolve(STEP, actions=[amend]), 3)
        assert [row.kind for row in journal.rows()] == ["run", "intent", "step", "amend", "step"]

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        assert journal.intent(ORDER.client_id) == amended
        assert journal.intents(ORDER.client_id) == [amended, ORDER]
        known = OrderIntents(journal=journal, client_ids=TextIds("b", "r2"))
        assert known.intent(ORDER.client_id) == amended
        assert known.largest(ORDER.client_id) == ORDER


def test_a_step_holds_events_actions_and_notices_in_one_row_after_its_intents(tmp_path: Path) -> None:
    """Intents stand before the decision they come from; money keeps every digit."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_step(STEP, 2)
        journal.record_notice("a line", 3)
        rows = list(journal.rows())

    assert [(row.kind, row.name, row.run) for row in rows] == [
        ("intent", "pm-b-r1-1", "r1"),
        ("step", None, "r1"),
        ("notice", None, "r1"),
    ]
    step = msgspec.json.decode(rows[1].payload)
    assert step["events"][0][0] == "OrderFilled"
    assert msgspec.convert(step["events"][0][1], OrderFilled) == OrderFilled(fill=FILL)
    assert step["actions"][0][0] == "Place"
    assert (step["at"], step["notices"]) == (1.5, ["filled"])


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    """The journal and SQLite's own files beside it are 0600."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_step(STEP, 2)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert set(modes.values()) == {0o600}
    assert {"j", "j-wal"} <= set(modes)


def fill_the_disk(journal: Journal) -> None:
    """Let SQLite meet a full disk (its own limit gives the true error)."""
    connection = journal._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_journal_that_cannot_be_written_stays_broken(tmp_path: Path) -> None:
    """A full disk is a JournalError, also for everything after it; what was recorded before can still be read."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_step(STEP, 2)
        fill_the_disk(journal)

        with pytest.raises(JournalError, match="cannot be written: database or disk is full"):
            journal.record_notice("x" * 100_000, 3)

        with pytest.raises(JournalError, match="cannot be written"):
            journal.record_notice("y", 4)

        assert journal.broken is not None
        assert journal.intent("pm-b-r1-1") == ORDER


def test_a_changed_payload_is_found_and_the_journal_put_aside(tmp_path: Path) -> None:
    """SQLite would not see it; the chain of hashes does. The damaged file is kept, and a new one begun."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_step(STEP, 2)
        journal.record_notice("a line", 3)

    with sqlite3.connect(tmp_path / "j") as connection:
        connection.execute(
            "UPDATE row SET payload = CAST(replace(payload, '600000', '600001') AS BLOB) WHERE kind = 'intent'"
        )

    connection.close()

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, damage):
        assert damage is not None
        assert damage.aside.exists()
        assert damage.reason == "row 1 is not what was written"
        assert [(row.kind, row.name) for row in journal.rows()] == [("run", "r1")]
        assert journal.intent("pm-b-r1-1") is None


@pytest.mark.parametrize("content", [b"not a database at all" * 300, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path, content: bytes) -> None:
    """Garbage never stops a start, and is never silently overwritten."""
    (tmp_path / "j").write_bytes(content)

    with open_journal(tmp_path / "j", KEY, "r1") as (journal, damage):
        journal.record_notice("begun again", 1)
        assert damage is not None
        assert damage.aside.read_bytes() == content


def test_an_empty_file_is_a_journal_that_was_not_begun(tmp_path: Path) -> None:
    """A crash between making the file and its first row leaves nothing to mistrust."""
    (tmp_path / "j").touch()

    with open_journal(tmp_path / "j", KEY, "r1") as (_, aside):
        assert aside is None


def test_the_journal_of_another_account_is_refused(tmp_path: Path) -> None:
    """A file that was copied or renamed names its real owner."""
    with open_journal(tmp_path / "j", KEY, "r1"):
        pass

    other = attrs.evolve(KEY, account="2")

    with pytest.raises(JournalError, match=r"is that of BTC-USDT of account 1 .*, not of BTC-USDT of account 2"):
        open_journal(tmp_path / "j", other, "r1").__enter__()


def test_a_cancel_needs_no_intent() -> None:
    """Only new orders have intents; a journal in memory keeps the same rows."""
    cancel = Cancel(client_id="pm-b-r1-1", venue_id="7", kind=OrderKind.QUOTE)

    with open_journal(None, KEY, "r1") as (journal, _):
        journal.record_step(Step(at=0.0, events=[], actions=[cancel], notices=[]), 1)
        assert [row.kind for row in journal.rows()] == ["step"]


def test_a_halt_that_lasts_is_written_once_and_another_one_beside_it(tmp_path: Path) -> None:
    """Each step tells it; the moment it began is kept, and the newest cause is what a person has to see to."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_step(attrs.evolve(STEP, halt="a loss"), 2)
        journal.record_step(attrs.evolve(STEP, halt="a loss"), 3)
        assert journal.halt() == HaltLatch(reason="a loss", utc_ms=2)
        journal.record_step(attrs.evolve(STEP, halt="a liquidation"), 4)
        journal.record_step(STEP, 5)
        journal.record_step(attrs.evolve(STEP, halt="a liquidation"), 6)
        assert journal.halt() == HaltLatch(reason="a liquidation", utc_ms=4)


def test_the_newest_orders_are_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest one makes room, and is looked up in the journal when somebody asks for it."""
    monkeypatch.setattr("perpmaker.journal.order_intents.AT_HAND", 2)
    older, newer = ORDER, [attrs.evolve(ORDER, client_id=f"pm-b-r1-{number}") for number in (2, 3)]

    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {"version": "0"})
        journal.record_step(STEP, 2)
        known = OrderIntents(journal=journal, client_ids=TextIds("b", "r1"))

        for order in (older, *newer):
            known.remember(order)

        assert list(known.sent.values()) == newer
        assert [known.intent(order.client_id) for order in (older, *newer)] == [older, *newer]
