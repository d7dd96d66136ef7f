"""A journal that has grown large goes on in a new file: nothing is lost, whatever ends the program meanwhile."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from perpmaker.execution.action import Place
from perpmaker.journal import carried, commits, rotation
from perpmaker.journal.file import Row, append, claim, connect, last_hash
from perpmaker.journal.journal import BOOT, Journal
from perpmaker.journal.last_orders import arriving_until
from perpmaker.journal.opening import open_journal
from perpmaker.journal.read_file import Cursor
from perpmaker.journal.reading import JournalReader
from perpmaker.journal.retention import DAY_MS, Retention
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
PADDING = "x" * 2_000


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals that are large soon."""
    monkeypatch.setattr(commits, "LARGE_BYTES", 60_000)
    monkeypatch.setattr(commits, "HELD_BYTES", 120_000)
    monkeypatch.setattr(commits, "LOOK_BYTES", 12_000)
    monkeypatch.setattr(carried, "NEWEST", 10)
    monkeypatch.setattr(carried, "STEPS", 5)


def order(number: int) -> NewOrder:
    """The order of this number of the first run."""
    slot = Slot(OrderKind.QUOTE, Side.BUY)

    return NewOrder(client_id=f"pm-b-r1-{number}", slot=slot, lots=number, ticks=600_000, type=OrderType.POST_ONLY)


def place(journal: Journal, number: int, utc_ms: int | None = None) -> None:
    """A step that places the order of this number."""
    step = Step(at=1.0, events=[], actions=[Place(order=order(number))], notices=[f"{number} {PADDING}"])
    journal.record_step(step, number if utc_ms is None else utc_ms)


def steps(path: Path, after: Cursor = Cursor()) -> list[int]:  # noqa: B008  # frozen
    """The numbers of the steps that are read."""
    return [row.utc_ms for row in JournalReader(path).rows(after, {"step"})]


def test_a_journal_keeps_its_full_files_and_each_file_what_may_still_matter(tmp_path: Path) -> None:
    """Every step is read once; runs are known for ever; the newest orders and those that live keep their purpose."""
    path = tmp_path / "j"

    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        journal.live = lambda: ["pm-b-r1-3"]

        for number in range(1, 101):
            place(journal, number)

        assert steps(path) == list(range(1, 101))

    assert path.stat().st_size < 150_000
    assert len(JournalReader(path).files()) > 3
    assert not any(file.name.endswith((".next", "-wal", "-shm")) for file in tmp_path.iterdir())

    with open_journal(path, KEY, "r2") as (journal, damage):
        assert damage is None
        assert journal.knows_run("r1")
        assert journal.intent("pm-b-r1-3") == order(3)
        assert journal.intent("pm-b-r1-100") == order(100)
        assert journal.intent("pm-b-r1-4") is None
        assert steps(path) == list(range(1, 101))

    assert [row.kind for row in JournalReader(path).rows(kinds={"run"})] == ["run"]


def rotated(path: Path) -> None:
    """A journal that has just gone on in a new file."""
    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(1_000, {BOOT: "b"})
        number = 0

        while not path.with_name("j.000001").exists():
            number += 1
            place(journal, number)


def test_what_was_sent_before_the_new_file_is_still_waited_for(tmp_path: Path) -> None:
    """A start right after knows the last steps: what a crash has left may arrive."""
    rotated(tmp_path / "j")

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        until = arriving_until(journal.last_steps(), 5.0)
        newest = next(journal.last_steps())["utc_ms"]
        assert until == newest / 1000 + 5.0
        assert not journal.may_lack_rows("b")
        assert journal.may_lack_rows("another boot")


def test_a_run_that_has_ended_with_a_full_file_lacks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last row is the first of what is carried on."""
    path = tmp_path / "j"
    monkeypatch.setattr(commits, "LARGE_BYTES", 1)

    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(1_000, {BOOT: "b"})
        monkeypatch.setattr(commits, "LOOK_BYTES", 1)
        journal.record_end(2_000)

    with open_journal(path, KEY, "r2") as (journal, _):
        assert path.with_name("j.000001").exists()
        assert not journal.may_lack_rows("another boot")


class Camera:
    """Keeps what is on the disk at each moment of a rotation, as a crash there would leave it."""

    def __init__(self, directory: Path, target: Path) -> None:
        self.directory, self.target = directory, target
        self.pictures: list[Path] = []

    def shoot(self) -> None:
        """Keep what is on the disk now."""
        picture = self.target / str(len(self.pictures))
        shutil.copytree(self.directory, picture)
        self.pictures.append(picture)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, with a picture before it and after it."""

        def shot(*args: Any, **options: Any) -> Any:  # whatever is called
            self.shoot()
            answer = call(*args, **options)
            self.shoot()

            return answer

        return shot


def test_a_crash_at_any_moment_of_a_rotation_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was on the disk then: no damage is found, every step is read once, and the newest order is known."""
    (tmp_path / "bot").mkdir()
    path = tmp_path / "bot" / "j"
    camera = Camera(tmp_path / "bot", tmp_path / "pictures")

    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        number = 0

        while not path.with_name("j.000001").exists():
            number += 1
            place(journal, number)

        while not path.with_name("j.000002").exists():
            number += 1

            with monkeypatch.context() as patched:
                for name in ("is_alone", "connect", "claim", "append", "write_next", "take_next", "_sync"):
                    patched.setattr(rotation, name, camera.around(getattr(rotation, name)))

                for name in ("replace", "unlink"):
                    patched.setattr(Path, name, camera.around(getattr(Path, name)))

                before = len(camera.pictures)
                place(journal, number)
                assert len(camera.pictures) > before or not path.with_name("j.000002").exists()

    assert len(camera.pictures) >= 20

    for picture in camera.pictures:
        newest = max(steps(picture / "j"))
        assert steps(picture / "j") == list(range(1, newest + 1))
        shutil.copytree(picture, tmp_path / "again", dirs_exist_ok=False)

        with open_journal(tmp_path / "again" / "j", KEY, "r2") as (after, damage):
            assert damage is None
            assert after.knows_run("r1")
            assert after.intent(f"pm-b-r1-{number}") == order(number)
            after.record_notice("on", 1)

        assert steps(tmp_path / "again" / "j") == list(range(1, number + 1))
        assert not (tmp_path / "again" / "j.next").exists()
        shutil.rmtree(tmp_path / "again")


def test_a_journal_that_another_program_reads_all_the_time_goes_on_and_that_is_said_once(tmp_path: Path) -> None:
    """It is not put behind under its readers; once they are gone it is."""
    path = tmp_path / "j"
    told: list[str] = []

    with open_journal(path, KEY, "r1", tell=told.append) as (journal, _):
        place(journal, 1)

        with closing(sqlite3.connect(path, isolation_level=None)) as beside:
            beside.execute("BEGIN")
            beside.execute("SELECT COUNT(*) FROM row").fetchone()

            for number in range(2, 100):
                place(journal, number)

            assert not path.with_name("j.000001").exists()

        assert len(told) == 1
        assert told[0].startswith(f"the journal {path} has grown to 0 MB: it cannot be put behind while another")

        for number in range(100, 120):
            place(journal, number)

        assert path.with_name("j.000001").exists()
        assert steps(path) == list(range(1, 120))


def test_a_disk_without_room_for_a_new_file_lets_the_full_one_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it cannot be written, or its name cannot be changed: every step is still there."""
    path = tmp_path / "j"

    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with open_journal(path, KEY, "r1") as (journal, _):
        for number in range(1, 40):
            with monkeypatch.context() as patched:
                patched.setattr(rotation, "write_next", refused)
                place(journal, number)

        for number in range(40, 80):
            with monkeypatch.context() as patched:
                patched.setattr(rotation, "_sync", refused)
                place(journal, number)

        for number in range(80, 90):
            with monkeypatch.context() as patched:
                patched.setattr(Path, "replace", refused)
                place(journal, number)

        assert journal.broken is None
        assert JournalReader(path).files() == [path]

    assert steps(path) == list(range(1, 90))


def test_a_reader_meets_a_rotation_and_reads_every_row_once(tmp_path: Path) -> None:
    """The file that it reads becomes an older part between two looks."""
    path = tmp_path / "j"

    with open_journal(path, KEY, "r1") as (journal, _):
        place(journal, 1)
        seen = [next(iter(JournalReader(path).rows(kinds={"step"})))]

        for number in range(2, 80):
            place(journal, number)
            seen += JournalReader(path).rows(seen[-1].at, {"step"})

    assert [row.utc_ms for row in seen] == list(range(1, 80))
    assert seen[-1].at.part > 2


def test_a_journal_that_was_put_aside_leaves_its_older_parts_to_the_next_one(tmp_path: Path) -> None:
    """The new file gets a number of its own, and nothing is written over."""
    path = tmp_path / "j"
    rotated(path)
    newest = max(steps(path))

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE row SET utc_ms = 7 WHERE kind = 'intent'")
        connection.commit()

    with open_journal(path, KEY, "r2") as (journal, damage):
        assert damage is not None

        for number in range(1_000, 1_030):
            place(journal, number)

    assert [file.name for file in JournalReader(path).files()][:2] == ["j.000001", "j.000003"]
    assert steps(path) == [*range(1, newest + 1), *range(1_000, 1_030)]


def part_of(path: Path, utc_ms: int, size: int = 1_000) -> None:
    """A file of a journal with one row of that time and size, at this path."""
    with closing(connect(path)) as connection:
        claim(connection, str(KEY), path, number=1)
        row = Row(run="r1", kind="step", name=None, utc_ms=utc_ms, payload=b"x" * size)
        append(connection, [row], last_hash(connection)[1])


def kept(path: Path, retention: Retention, size: int = 1_000) -> tuple[list[int], list[str]]:
    """The days whose parts are left on day 40, with a part for each tenth day, and what is said."""
    path.parent.mkdir()
    told: list[str] = []
    names = [f"{path.name}.older", *(f"{path.name}.00000{number}" for number in (1, 2, 3)), path.name]

    for number, name in enumerate(names):
        part_of(path.with_name(name), number * 10 * DAY_MS, size)

    with open_journal(path, KEY, "r1", retention=retention, tell=told.append, utc_ms=40 * DAY_MS):
        pass

    return [index * 10 for index, name in enumerate(names) if path.with_name(name).exists()], told


def test_older_parts_go_after_their_days_and_that_is_said(tmp_path: Path) -> None:
    """Those whose newest row is older, at a start."""
    days, told = kept(tmp_path / "a" / "j", Retention(days=25, gb=1))

    assert days == [20, 30, 40]
    assert told == [
        "journal: the 2 oldest parts removed, with all until 1970-01-11 00:00Z (journal_days = 25, journal_gb = 1)"
    ]
    assert kept(tmp_path / "b" / "j", Retention(days=41, gb=1)) == ([0, 10, 20, 30, 40], [])


def test_older_parts_go_when_all_files_take_too_much(tmp_path: Path) -> None:
    """The oldest first, until the rest is small enough; the file that is written stays whatever it takes."""
    days, told = kept(tmp_path / "a" / "j", Retention(days=100, gb=0.000_7), 200_000)

    assert days == [20, 30, 40]
    assert len(told) == 1
    assert kept(tmp_path / "b" / "j", Retention(gb=0.000_1), 200_000)[0] == [40]


def test_a_part_without_rows_is_as_old_as_its_file(tmp_path: Path) -> None:
    """It is not one of 1970."""
    path = tmp_path / "j"

    for number, day in ((1, 20), (2, 10)):
        part = path.with_name(f"j.00000{number}")

        with closing(connect(part)) as connection:
            claim(connection, str(KEY), part, number=number)

        os.utime(part, (day * DAY_MS / 1000,) * 2)

    told: list[str] = []

    with open_journal(path, KEY, "r1", retention=Retention(days=25), tell=told.append, utc_ms=40 * DAY_MS):
        pass

    assert path.with_name("j.000001").exists()
    assert told == []


def test_retention_acts_when_a_file_is_put_behind_too(tmp_path: Path) -> None:
    """A bot that runs for months is not started anew."""
    path = tmp_path / "j"
    part_of(path.with_name("j.000001"), 0)
    told: list[str] = []

    with open_journal(path, KEY, "r1", retention=Retention(days=5), tell=told.append) as (journal, _):
        while not path.with_name("j.000002").exists():
            place(journal, 6 * DAY_MS)

    assert [file.name for file in JournalReader(path).files()] == ["j.000002", "j"]
    assert told == ["journal: the oldest part removed, with all until 1970-01-01 00:00Z (journal_days = 5)"]
