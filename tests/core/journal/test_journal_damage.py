from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import attrs
import pytest

from perpmaker.decision.checkpoint import Checkpoint
from perpmaker.errors import ExitCode, JournalError
from perpmaker.execution.action import Amend, Cancel, Place
from perpmaker.journal.journal import BOOT
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
FLIPS = 150


def order(number: int) -> NewOrder:
    """The order of this number of the first run."""
    slot = Slot(OrderKind.QUOTE, Side.BUY)

    return NewOrder(client_id=f"pm-b-r1-{number}", slot=slot, lots=number, ticks=600_000, type=OrderType.POST_ONLY)


def exit_of(number: int) -> NewOrder:
    """A closing order of this number of the first run."""
    slot = Slot(OrderKind.TAKE_PROFIT, Side.SELL)

    return attrs.evolve(order(number), slot=slot, type=OrderType.LIMIT, reduce_only=True)


def written(path: Path, orders: int = 20) -> None:
    """A journal of one run with so many orders."""
    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(1, {})

        for number in range(1, orders + 1):
            actions = [Place(order=order(number))]
            journal.record_step(Step(at=1.0, events=[], actions=actions, notices=[]), number)


def test_F75_a_changed_byte_is_found_or_means_nothing(tmp_path: Path) -> None:
    """Wherever it is: the journal is put aside, or refused with words, or every row is what was written."""
    written(tmp_path / "j")
    content = (tmp_path / "j").read_bytes()
    random, found = Random(1), 0  # noqa: S311  # offsets to try, nothing to keep secret

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        rows = list(journal.rows())

    for trial in range(FLIPS):
        folder = tmp_path / str(trial)
        folder.mkdir()
        damaged = bytearray(content)
        damaged[random.randrange(len(content))] ^= 1 << random.randrange(8)
        (folder / "j").write_bytes(damaged)
        shutil.copy(tmp_path / "j.head", folder / "j.head")

        try:
            with open_journal(folder / "j", KEY, "r2") as (journal, damage):
                if damage is None:
                    assert list(journal.rows()) == rows
                    assert all(journal.intent(f"pm-b-r1-{number}") == order(number) for number in range(1, 21))
                else:
                    found += 1
                    assert damage.aside.read_bytes() == damaged
                    assert {row.kind for row in journal.rows()} <= {"run"}
        except JournalError:
            found += 1

    assert found > FLIPS / 5


def test_F75_a_journal_that_was_cut_off_is_put_aside(tmp_path: Path) -> None:
    """Also one of which nothing is left: the witness knows that there was something."""
    for share in [0.0, 0.3, 0.7, 0.95]:
        written(tmp_path / "j")
        content = (tmp_path / "j").read_bytes()
        (tmp_path / "j").write_bytes(content[: int(len(content) * share)])

        with open_journal(tmp_path / "j", KEY, "r2") as (journal, damage):
            assert damage is not None
            assert damage.aside.exists()
            assert journal.intent("pm-b-r1-20") is None


def test_F75_rows_that_went_with_the_write_ahead_log_are_missed(tmp_path: Path) -> None:
    """SQLite calls what is left a sound database, and every row in it proves the one before: the witness knows more."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        for number in range(1, 4):
            journal.record_step(Step(at=1.0, events=[], actions=[Place(order=exit_of(number))], notices=[]), number)

        journal.record_step(Step(at=1.0, events=[], actions=[Place(order=order(4))], notices=[]), 4)
        (tmp_path / "left").mkdir()
        shutil.copy(tmp_path / "j", tmp_path / "left" / "j")
        shutil.copy(tmp_path / "j.head", tmp_path / "left" / "j.head")

    with open_journal(tmp_path / "left" / "j", KEY, "r2") as (journal, damage):
        assert damage is not None
        assert damage.reason == "6 rows at its end are gone"
        assert damage.runs == ("r1",)
        assert journal.knows_run("r1")


def test_F75_a_witness_that_is_behind_the_rows_is_no_damage(tmp_path: Path) -> None:
    """A process was killed after a row was written and before the witness saw it: all is there."""
    written(tmp_path / "j", 5)
    seen = (tmp_path / "j.head").read_bytes()

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        journal.record_step(Step(at=2.0, events=[], actions=[Place(order=order(9))], notices=[]), 9)

    (tmp_path / "j.head").write_bytes(seen)

    with open_journal(tmp_path / "j", KEY, "r3") as (journal, damage):
        assert damage is None
        assert journal.intent("pm-b-r1-9") == order(9)


STEP = Step(at=1.0, events=[], actions=[], notices=[])
QUOTE = order(7)
EXIT = exit_of(8)
CANCEL = Cancel(client_id="a", venue_id="1", kind=OrderKind.QUOTE)


def rows_on_disk(path: Path) -> int:
    """How many rows the witness answers for."""
    return int((path.with_name(f"{path.name}.head").read_text("ascii").split() or ["0"])[0])


@pytest.mark.parametrize(
    ("step", "waits"),
    [
        (attrs.evolve(STEP, actions=[Place(order=QUOTE), CANCEL]), False),
        (attrs.evolve(STEP, memory=Checkpoint(last_own_trade=7)), True),
        (attrs.evolve(STEP, halt="a loss"), True),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (attrs.evolve(STEP, actions=[Amend(order=QUOTE, before=QUOTE, venue_id="1", number=1)]), False),
                (attrs.evolve(STEP, notices=["something"]), False),
                (attrs.evolve(STEP, actions=[Place(order=QUOTE), Place(order=EXIT)]), True),
                (attrs.evolve(STEP, actions=[Amend(order=EXIT, before=EXIT, venue_id="1", number=1)]), True),
                (attrs.evolve(STEP, actions=[attrs.evolve(CANCEL, kind=OrderKind.VENUE_STOP)]), True),
            )
        ),
    ],
)
def test_what_the_venue_cannot_tell_again_waits_for_the_disk_and_quotes_do_not(
    tmp_path: Path, step: Step, *, waits: bool
) -> None:
    """And with it everything that was written before it."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        journal.record_step(attrs.evolve(STEP, actions=[CANCEL]), 2)
        journal.record_step(step, 3)
        rows = len(list(journal.rows()))
        (level,) = journal._connection.execute("PRAGMA synchronous").fetchone()

        assert rows_on_disk(tmp_path / "j") == (rows if waits else 1)
        assert level == (2 if waits else 1)  # FULL, NORMAL


def test_the_newest_rows_may_go_with_the_power_down_to_the_last_that_waited_for_the_disk(tmp_path: Path) -> None:
    """Cut anywhere behind that one the journal is sound; cut before it, it is put aside."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        journal.record_step(attrs.evolve(STEP, actions=[Place(order=EXIT)]), 2)
        journal.record_step(attrs.evolve(STEP, actions=[Place(order=QUOTE)]), 3)
        journal.record_step(attrs.evolve(STEP, actions=[CANCEL]), 4)

    sound = {}

    for rows in range(1, 7):
        folder = tmp_path / str(rows)
        folder.mkdir()

        for name in ("j", "j.head"):
            shutil.copy(tmp_path / name, folder / name)

        with closing(sqlite3.connect(folder / "j")) as connection, connection:
            connection.execute("DELETE FROM row WHERE seq > ?", (rows,))

        with open_journal(folder / "j", KEY, "r2") as (_, damage):
            sound[rows] = damage is None

    assert sound == {1: False, 2: False, 3: True, 4: True, 5: True, 6: True}


@pytest.mark.parametrize(
    ("ends", "boot", "may"),
    [
        (True, "b", False),
        (False, "b", False),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (True, "other", False),
                (False, "other", True),
                (False, "", True),
            )
        ),
    ],
)
def test_rows_may_be_missing_only_after_a_run_without_an_end_before_a_boot(
    tmp_path: Path, boot: str, *, ends: bool, may: bool
) -> None:
    """A process that dies takes no row with it. Further runs of client ids say nothing of the boot."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        assert journal.may_lack_rows(boot) is False
        journal.record_run(1, {BOOT: "b"})
        journal.record_further_run("r1b")
        journal.record_step(STEP, 2)

        if ends:
            journal.record_end(3)

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        assert journal.may_lack_rows(boot) is may


def test_F75_a_journal_that_was_swapped_for_an_older_copy_is_found(tmp_path: Path) -> None:
    """Yesterday's file in the place of today's is not taken for all there is."""
    written(tmp_path / "j", 5)
    old = (tmp_path / "j").read_bytes()

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        journal.record_run(2, {})

    (tmp_path / "j").write_bytes(old)

    with open_journal(tmp_path / "j", KEY, "r3") as (_, damage):
        assert damage is not None
        assert damage.reason == "1 rows at its end are gone"


def test_F75_a_killed_process_leaves_a_sound_journal(tmp_path: Path) -> None:
    """Main file and log as they are while it is open: nothing is missing, nothing is put aside."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        journal.record_step(Step(at=1.0, events=[], actions=[Place(order=order(1))], notices=[]), 2)
        (tmp_path / "dead").mkdir()

        for file in list(tmp_path.glob("j*")):
            shutil.copy(file, tmp_path / "dead" / file.name)

    with open_journal(tmp_path / "dead" / "j", KEY, "r2") as (journal, damage):
        assert damage is None
        assert journal.intent("pm-b-r1-1") == order(1)


@pytest.mark.parametrize("tables", ["CREATE TABLE row (seq INTEGER)", "CREATE TABLE other (x TEXT)"])
def test_F75_another_schema_is_put_aside(tmp_path: Path, tables: str) -> None:
    """An older version's, or no journal at all: kept, and never written into."""
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        connection.execute(tables)

    with open_journal(tmp_path / "j", KEY, "r1") as (_, damage):
        assert damage is not None
        assert damage.reason == "it is not a journal of this kind"


def test_F75_a_journal_that_somebody_else_holds_is_refused_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that looks into it, or copies it, is no damage: nothing is put aside, and what to do is said."""
    monkeypatch.setattr("perpmaker.journal.file.BUSY_S", 0.05)
    written(tmp_path / "j", 3)

    with closing(sqlite3.connect(tmp_path / "j")) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE theirs (x TEXT)")

        with pytest.raises(JournalError, match="cannot be read now: database is locked") as refused:
            open_journal(tmp_path / "j", KEY, "r2").__enter__()

        assert refused.value.exit_code is ExitCode.FILE
        other.execute("ROLLBACK")

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, damage):
        assert damage is None
        assert journal.intent("pm-b-r1-3") == order(3)


FULL_DISK = """
import resource, sys
from pathlib import Path
from perpmaker.journal.state_dir import Key
from perpmaker.journal.opening import open_journal
from perpmaker.errors import JournalError

resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

try:
    key = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
    open_journal(Path(sys.argv[1]), key, "r2").__enter__()
except JournalError as error:
    print(error)
"""


@pytest.mark.parametrize("orders", [0, 3])
def test_F74_a_disk_that_is_full_at_the_start_costs_no_journal(tmp_path: Path, orders: int) -> None:
    """Refused with words, whether there was one or not; with room again it is read as it was written."""
    if orders:
        written(tmp_path / "j", orders)

    words = (sys.executable, "-c", FULL_DISK, str(tmp_path / "j"))
    said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=300).stdout  # noqa: S603  # ours
    assert said.startswith(f"the journal {tmp_path / 'j'} cannot be ")
    assert not list(tmp_path.glob("*.damaged-*"))

    with open_journal(tmp_path / "j", KEY, "r3") as (journal, damage):
        assert damage is None
        assert journal.knows_run("r1") is bool(orders)


def test_a_newer_schema_is_refused_with_words(tmp_path: Path) -> None:
    """After a step back to an older version nothing is dropped."""
    written(tmp_path / "j", 1)

    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(JournalError, match=r"written by a newer version \(schema 99, known 1\)"):
        open_journal(tmp_path / "j", KEY, "r2").__enter__()


def test_F76_the_journal_of_another_environment_or_venue_is_refused(tmp_path: Path) -> None:
    """Testnet's never serves live, whatever the file is called."""
    written(tmp_path / "j", 1)

    for other in (attrs.evolve(KEY, environment="live"), attrs.evolve(KEY, venue="bybit_perpetual")):
        with pytest.raises(JournalError, match="is that of BTC-USDT of account 1 on binance_perpetual"):
            open_journal(tmp_path / "j", other, "r2").__enter__()
