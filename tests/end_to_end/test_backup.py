"""A copy of the journal that was made while a bot wrote it: it is a prefix, and a bot starts on it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio

from perpmaker.journal.file import fault_of, witness_path
from perpmaker.journal.state_dir import StateDir
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.session import Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until

FILE = Path(__file__).parents[1] / "practice.toml"
HEADER, FRAME_HEADER = 32, 24  # bytes of a write-ahead log, and of each page in it (SQLite's file format, section 4)


def rows(path: Path) -> list[tuple[object, ...]]:
    """Every row of a journal."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT seq, kind, payload, hash FROM row ORDER BY seq").fetchall()


def by_backup(path: Path, copy: Path) -> None:
    """Copy as `sqlite3 FILE ".backup COPY"` does."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def by_log(path: Path, copy: Path) -> None:
    """Copy as a program does that follows the write-ahead log, and has not got its newest pages yet.

    It also leaves tables of its own, as litestream does.
    """
    shutil.copyfile(path, copy)
    log = path.with_name(f"{path.name}-wal").read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("PRAGMA page_size").fetchone()

    frames = (len(log) - HEADER) // (FRAME_HEADER + page)
    assert frames > 10
    copy.with_name(f"{copy.name}-wal").write_bytes(log[: HEADER + (frames - 3) * (FRAME_HEADER + page) + 7])

    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        connection.execute("CREATE TABLE _litestream_lock (id INTEGER)")


def by_files(path: Path, copy: Path) -> None:
    """Copy the files as they lie there, the witness of the newest row with them."""
    for suffix in ("", "-wal", ".head"):
        shutil.copyfile(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))


def test_a_bot_starts_on_a_copy_that_was_made_while_another_one_wrote(tmp_path: Path) -> None:
    """Each copy is a prefix, without damage; a bot that has nothing else takes up the position and the orders there."""
    copies = {make: tmp_path / f"{make.__name__}.sqlite3" for make in (by_backup, by_log, by_files)}
    name, options = virtual_backend()

    async def scenario() -> None:
        async with open_stage(FILE, seed=2) as stage:
            path = await traded(stage, copies)
            whole = rows(path)

            for make, copy in copies.items():
                assert fault_of(copy) is None, make
                assert 3 < len(rows(copy)) < len(whole), make
                assert rows(copy) == whole[: len(rows(copy))], make

            await goes_on(stage, copies[by_log], path.name, tmp_path / "restored")

    anyio.run(scenario, backend=name, backend_options=options)


async def traded(stage: Stage, copies: dict[Callable[[Path, Path], None], Path]) -> Path:
    """Trade, copy while there is a position, trade on, and lose the machine: the bot is gone without an end."""
    home = StateDir(next(iter(copies.values())).parent / "home")
    home.root.mkdir(mode=0o700)

    async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until(lambda: any(one.lots for one in stage.sandbox.exchange.account(ACCOUNT).positions))
        await anyio.sleep(0.5)
        path = session.bot.journal.path
        assert path is not None

        for make, copy in copies.items():
            make(path, copy)

        await anyio.sleep(3)
        group.cancel_scope.cancel()

    return path


async def goes_on(stage: Stage, copy: Path, name: str, home: Path) -> None:
    """Start on a copy alone, trade, and end cleanly."""
    told: list[str] = []
    journals = home / "journal"
    journals.mkdir(mode=0o700, parents=True)

    for suffix in ("", "-wal"):
        if (one := copy.with_name(copy.name + suffix)).exists():
            shutil.copyfile(one, journals / f"{name}{suffix}")

    assert not witness_path(journals / name).exists()

    async with stage.open_bot(home=StateDir(home), told=told) as session:
        closing_, _ = await session.run_bot(5)

    assert closing_.unproven is None
    assert not [line for line in told if "damaged" in line or "put aside" in line]
    assert not stage.sandbox.oracle.violations
    assert rows(journals / name)[: len(rows(copy))] == rows(copy)
