"""What a bot has written is read from the outside, while it runs and after it was killed, without a trace."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from perpmaker.journal.file import Row, append, claim, connect, last_hash
from perpmaker.journal.journal import Journal
from perpmaker.journal.opening import open_journal
from perpmaker.journal.read_file import CHUNK, Cursor
from perpmaker.journal.reading import JournalReader, find_journals
from perpmaker.journal.state_dir import Key, parse_key

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1@127.0.0.1:80", market="BTC-USDT")
OLDER = Path(__file__).with_name("journal_of_7a7309f.sqlite3")


def notices(reader: JournalReader, after: Cursor = Cursor()) -> list[str]:  # noqa: B008  # frozen
    """The texts of the notices that it reads."""
    return [row.payload.decode().strip('"') for row in reader.rows(after, {"notice"})]


def state_of(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything in a directory: inode, time of the last change, content."""
    return {file.name: (file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes()) for file in directory.iterdir()}


def tell(journal: Journal, *texts: str) -> None:
    """Write notices."""
    for text in texts:
        journal.record_notice(text, 1)


def running(path: Path, target: Path) -> None:
    """What a bot that runs has on the disk, as a crash would leave it in `target`."""
    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(5, {"key": str(KEY)})
        tell(journal, "a", "b")

        for suffix in ("", "-wal", "-shm"):
            shutil.copy(path.with_name(path.name + suffix), target.with_name(target.name + suffix))


def without_index(path: Path, target: Path) -> None:
    """The same after a restore: the log is there, its index is not."""
    running(path, target)
    target.with_name(f"{target.name}-shm").unlink()


def ended(path: Path, target: Path) -> None:
    """What a bot leaves that ended."""
    running(path, target)
    target.with_name(f"{target.name}-wal").unlink()
    target.with_name(f"{target.name}-shm").unlink()
    shutil.copy(path, target)


@pytest.mark.parametrize("leave", [running, without_index, ended])
def test_a_journal_is_read_without_a_trace(leave: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """After a crash, after a restore and after an end: all rows are read, and no byte or file is another one."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "left").mkdir()
    leave(tmp_path / "bot" / "j", tmp_path / "left" / "j")
    before = state_of(tmp_path / "left")
    reader = JournalReader(tmp_path / "left" / "j")

    assert notices(reader) == ["a", "b"]
    assert reader.key() == KEY
    assert [(run.run, run.began_ms, run.about) for run in reader.runs()] == [("r1", 5, {"key": str(KEY)})]
    assert reader.unread == []
    assert state_of(tmp_path / "left") == before


def test_a_bot_that_runs_is_read_on_from_where_reading_ended(tmp_path: Path) -> None:
    """Each time only what is new, and the bot writes on in between."""
    path = tmp_path / "j"

    with open_journal(path, KEY, "r1") as (journal, _):
        tell(journal, "a")
        reader = JournalReader(path)
        rows = list(reader.rows())
        tell(journal, "b")

        assert [row.payload for row in rows] == [b'"a"']
        assert notices(reader, rows[-1].at) == ["b"]
        assert list(reader.rows(list(reader.rows())[-1].at)) == []


def test_more_rows_than_are_taken_at_a_time_are_read_once_each(tmp_path: Path) -> None:
    """With and without the proof of each row."""
    path = tmp_path / "j"

    with closing(connect(path)) as connection:
        claim(connection, str(KEY), path)
        rows = [Row(run="r", kind="notice", name=None, utc_ms=1, payload=b"%d" % number) for number in range(2 * CHUNK)]
        append(connection, rows, last_hash(connection)[1])

    for proves in (True, False):
        assert notices(JournalReader(path, proves)) == [str(number) for number in range(2 * CHUNK)]


def test_the_part_that_an_earlier_version_kept_is_read_first_and_nothing_twice(tmp_path: Path) -> None:
    """Its file began with what `.older` had: that is not given again."""
    path = tmp_path / "j"

    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        tell(journal, "a")

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE part")
        run, kind, name, utc_ms, payload = connection.execute(
            "SELECT run, kind, name, utc_ms, payload FROM row"
        ).fetchone()
        first = Row(run=run, kind=kind, name=name, utc_ms=utc_ms, payload=payload)

    path.rename(tmp_path / "j.older")

    with closing(connect(path)) as connection:
        claim(connection, str(KEY), path)
        connection.execute("DROP TABLE part")
        second = Row(run="r2", kind="notice", name=None, utc_ms=1, payload=b"b")
        append(connection, [first, second], last_hash(connection)[1])

    reader = JournalReader(path)

    assert [(row.kind, row.at) for row in reader.rows()] == [
        ("run", Cursor(0, 1)),
        ("notice", Cursor(0, 2)),
        ("notice", Cursor(1, 2)),
    ]
    assert reader.files() == [tmp_path / "j.older", path]
    assert reader.unread == []


def test_a_journal_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """One that was written before there were numbers."""
    shutil.copy(OLDER, tmp_path / "j")
    reader = JournalReader(tmp_path / "j")

    assert [run.run for run in reader.runs()] == ["mjuohs0g"]
    assert reader.key() == Key(
        environment="sandbox", venue="binance_perpetual", account="5e58be34b267@127.0.0.1:49152", market="BTC-USDT"
    )


def test_what_follows_a_row_that_was_changed_is_not_read_and_that_is_said(tmp_path: Path) -> None:
    """The rows before it are."""
    path = tmp_path / "j"

    with open_journal(path, KEY, "r1") as (journal, _):
        tell(journal, "a", "b", "c")

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE row SET payload = CAST('\"x\"' AS BLOB) WHERE seq = 2")
        connection.commit()

    reader = JournalReader(path)

    assert notices(reader) == ["a"]
    assert [str(one) for one in reader.unread] == [
        f"{path}: row 2 is not what was written: it and what follows in this file were not read"
    ]
    assert notices(JournalReader(path, proves=False)) == ["a", "x", "c"]


def test_files_that_cannot_be_read_are_said_and_the_others_read(tmp_path: Path) -> None:
    """Garbage, something else of SQLite's, a newer version, one that was put aside; a beginning is no fault."""
    directory = tmp_path / "journal"
    directory.mkdir()

    for name in ("sound", "newer"):
        with open_journal(directory / f"{name}.sqlite3", KEY, "r") as (journal, _):
            tell(journal, name)

    with closing(sqlite3.connect(directory / "newer.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with closing(sqlite3.connect(directory / "other.sqlite3")) as connection:
        connection.execute("CREATE TABLE something (x)")

    (directory / "garbage.sqlite3").write_bytes(b"\1" * 5_000)
    (directory / "begun.sqlite3").touch()
    (directory / "sound.sqlite3.damaged-17").touch()
    found = find_journals(tmp_path)

    assert {one.path.name: one.key for one in found.journals} == {
        "begun.sqlite3": None,
        "garbage.sqlite3": None,
        "newer.sqlite3": None,
        "other.sqlite3": None,
        "sound.sqlite3": KEY,
    }
    assert {one.path.name: one.reason for one in found.unread} == {
        "garbage.sqlite3": "it cannot be read (file is not a database)",
        "newer.sqlite3": "a newer version has written it (schema 99, known 1): read it with that one",
        "other.sqlite3": "it is not a journal of this kind",
        "sound.sqlite3.damaged-17": "it was damaged, and put aside by a start: it is not read",
    }
    assert [notices(JournalReader(one.path)) for one in found.journals] == [[], [], [], [], ["sound"]]


def test_a_state_directory_that_is_not_there_has_no_journals(tmp_path: Path) -> None:
    """And is not made."""
    assert find_journals(tmp_path / "none").journals == ()
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_read_from_its_own_words() -> None:
    """Whatever a venue calls an account or a market."""
    for account, market in (("8f3a", "BTC-USDT"), ("a on b (c)", "X-Y"), ("", "币安-USDT"), ("5e@[::1]:80", "A")):
        key = Key(environment="live", venue="bybit_perpetual", account=account, market=market)
        assert parse_key(str(key)) == key

    assert parse_key("something else") is None


def test_a_bot_that_begins_and_ends_all_the_time_is_read_each_time(tmp_path: Path) -> None:
    """Whatever stands beside the file in that moment: every look finds all that was written before it."""
    path, written = tmp_path / "j", 0
    ended = threading.Event()
    wrong: list[str] = []

    def look() -> None:
        while not ended.is_set():
            least, reader = written, JournalReader(path)
            found = notices(reader)
            wrong.extend(map(str, reader.unread))
            wrong.extend([] if len(found) >= least else [f"{len(found)} of {least}"])

    with open_journal(path, KEY, "r0") as (journal, _):
        tell(journal, "x")

    thread = threading.Thread(target=look)
    thread.start()

    try:
        for number in range(40):
            with open_journal(path, KEY, f"r{number}") as (journal, _):
                tell(journal, "x", "x")

            written = 2 * number + 3
    finally:
        ended.set()
        thread.join()

    assert wrong == []
