"""A halt that a person has to look at: it outlives its run in the journal until somebody resumes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.cli.run_end import halt_code_of
from perpmaker.errors import ExitCode, HaltedError
from perpmaker.journal import commits
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key, StateDir, open_state_dir
from perpmaker.journal.step import Step
from perpmaker.model.event import Halted
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.session import Session, Stage, open_stage

from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
HALT = Step(at=1.0, events=(), actions=(), notices=(), halt="liquidation: long 1 BTC at 50000")
NOTHING = Step(at=2.0, events=(), actions=(), notices=())


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


async def halted_run(stage: Stage, home: StateDir, *events: Halted, hold: bool = False) -> tuple[ExitCode, str | None]:
    """Trade, be halted by these events, and stop: the exit code, and what is latched then."""
    async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)

        # What is waited for is the state of the venue, not an event.
        while hold and not any(one.lots for one in stage.sandbox.exchange.account(ACCOUNT).positions):  # noqa: ASYNC110
            await anyio.sleep(0.1)

        await anyio.sleep(1)
        session.bot.event_queue.put(events)
        await anyio.sleep(5)
        assert not session.open_quotes()
        session.bot.request_stop()
        await anyio.sleep(30)
        latch = session.bot.journal.halt()

        return halt_code_of(session.bot), None if latch is None else latch.reason


async def started(stage: Stage, home: StateDir, *, resume: bool) -> Session:
    """Start again and trade for a while: the session that came of it."""
    async with stage.open_bot(home=home, resume=resume) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await anyio.sleep(5)
        group.cancel_scope.cancel()

    return session


async def test_A15_a_latched_halt_refuses_each_start_until_a_person_resumes(tmp_path: Path, venue: VenueWords) -> None:
    """Cause, position and free margin are shown; after `--resume` it trades, and later starts need no such word."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    halt = Halted(reason="liquidation: 1 BTC", code=ExitCode.HALTED)

    async with open_stage(EXAMPLE, *venue.settings, "filled_order_delay=0", seed=3) as stage:
        assert await halted_run(stage, home, halt, hold=True) == (ExitCode.HALTED, "liquidation: 1 BTC")

        for _ in range(2):
            with pytest.raises(HaltedError) as refused:
                await started(stage, home, resume=False)

            words = str(refused.value)
            assert refused.value.exit_code is ExitCode.HALTED
            assert "liquidation: 1 BTC (20" in words
            assert "\nPosition: " in words
            assert ("flat" in words) is ("closing orders of ours on the venue: " not in words)
            assert "free margin: " in words
            assert "--resume" in words

        session = await started(stage, home, resume=True)
        assert session.bot.count.placed
        assert any("a halt is released: liquidation: 1 BTC" in line for line in session.told)
        await started(stage, home, resume=False)


async def test_A15_a_refused_start_sends_nothing_and_says_when_nothing_can_be_read(
    tmp_path: Path, venue: VenueWords
) -> None:
    """The venue answers no question of the account: the halt still stands, and the exits that rest are untouched."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, "filled_order_delay=0", seed=3) as stage:
        await halted_run(stage, home, Halted(reason="loss limit", code=ExitCode.HALTED))
        venue.refuse(stage, "positions")
        resting = list(stage.sandbox.exchange.conditional_orders(ACCOUNT))

        with pytest.raises(HaltedError, match="osition and free margin could not be read"):
            await started(stage, home, resume=False)

        assert list(stage.sandbox.exchange.conditional_orders(ACCOUNT)) == resting


@pytest.mark.full
async def test_A15_halts_that_a_start_finds_by_itself_end_with_their_run(tmp_path: Path) -> None:
    """A refused key, changed rules, a plugin or a journal that failed: their own exit code, and nothing is latched."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    own = (ExitCode.REFUSED, ExitCode.PLUGIN, ExitCode.FILE, ExitCode.BUG)

    async with open_stage(EXAMPLE, seed=3) as stage:
        for code in own:
            assert await halted_run(stage, home, Halted(reason="why", code=code)) == (code, None)


async def test_A15_a_latching_halt_counts_whatever_halted_before_it(tmp_path: Path) -> None:
    """A plugin failed first, then the account was liquidated: it is latched, and the exit code is 7."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    events = Halted(reason="plugin", code=ExitCode.PLUGIN), Halted(reason="liquidated", code=ExitCode.HALTED)

    async with open_stage(EXAMPLE, seed=3) as stage:
        assert await halted_run(stage, home, *events) == (ExitCode.HALTED, "liquidated")


async def test_A15_resume_without_a_halt_says_so_and_starts(tmp_path: Path) -> None:
    """It is no error, and it leaves nothing behind that would release a later halt."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, seed=3) as stage:
        session = await started(stage, home, resume=True)
        assert any("nothing to release" in line for line in session.told)
        await halted_run(stage, home, Halted(reason="why", code=ExitCode.HALTED))

        with pytest.raises(HaltedError):
            await started(stage, home, resume=False)


def test_A15_a_halt_is_durable_with_its_step_and_outlives_a_file_that_grew_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there when the step is, without a close; the next file of the journal begins with it."""
    path = tmp_path / "j"
    monkeypatch.setattr(commits, "LARGE_BYTES", 1)
    monkeypatch.setattr(commits, "LOOK_BYTES", 700)

    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_step(HALT, 1)

        with closing(sqlite3.connect(path)) as beside:
            assert beside.execute("SELECT COUNT(*) FROM row WHERE kind = 'halt'").fetchone() == (1,)

        for number in range(10):
            journal.record_step(NOTHING, number)

    assert path.with_name("j.000001").exists()

    with open_journal(path, KEY, "r2") as (journal, _):
        latch = journal.halt()
        assert latch is not None
        assert latch.reason == HALT.halt
        journal.record_release(9)
        assert journal.halt() is None


@pytest.mark.parametrize("is_released", [False, True])
def test_A15_a_damaged_journal_still_tells_its_halt(tmp_path: Path, is_released: bool) -> None:
    """What is put aside takes no halt with it; one that was released stays so; one that cannot be read stands."""
    path = tmp_path / "j"

    with open_journal(path, KEY, "r1") as (journal, _):
        journal.record_step(HALT, 1)

        if is_released:
            journal.record_release(2)

        journal.record_step(NOTHING, 3)

    with closing(sqlite3.connect(path)) as beside:
        beside.execute("UPDATE row SET utc_ms = 77 WHERE kind = 'step'")
        beside.commit()

    with open_journal(path, KEY, "r2") as (journal, damage):
        assert damage is not None
        latch = journal.halt()
        assert (None if latch is None else latch.reason) == (None if is_released else HALT.halt)

    with closing(sqlite3.connect(path)) as beside:
        beside.execute("UPDATE row SET payload = x'ff' WHERE kind = 'halt'")
        beside.commit()

    with open_journal(path, KEY, "r3") as (journal, damage):
        assert damage is not None
        assert journal.halt() is not None
