from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.decision.checkpoint import Checkpoint, FiredAt, decode_recollection, encode_recollection
from perpmaker.journal import carried, commits
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.state.view import End, SlotEnd

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
BUY = Slot(OrderKind.QUOTE, Side.BUY, 0, PositionSide.NET)
KNOWN = Checkpoint(
    filled_at={Side.BUY: 10.0},
    last_own_trade=9_900,
    stopped_at={PositionSide.NET: 11.0},
    fired={PositionSide.NET: FiredAt(sign=-1, at=12.0)},
    paused=((BUY, SlotEnd(client_id="a", end=End.UNEXPLAINED, at=13.0, ticks=9_900, lots=5, filled_lots=0)),),
)


def step(at: float, memory: Checkpoint | None = KNOWN) -> Step:
    """A step in which nothing happened but what is remembered."""
    return Step(at=at, events=[], actions=[], notices=["something"], memory=memory)


def test_what_is_remembered_is_a_row_when_it_changes_and_only_then(tmp_path: Path) -> None:
    """The same facts are one row, however many steps there are."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        for at in (20.0, 21.0, 22.0):
            journal.record_step(step(at), round(1_000_000 + at * 1000))

        journal.record_step(step(23.0, memory=None), 1_023_000)
        assert [row.kind for row in journal.rows()].count("memory") == 1


def test_a_later_run_has_it_on_its_own_clock(tmp_path: Path) -> None:
    """Times go by the wall clock: 10 s before the row was written is 10 s before, whatever the clock of steps shows."""
    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        assert journal.memory() is None
        journal.record_step(step(20.0), 1_020_000)

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        found = journal.memory()

    assert found == KNOWN.moved(1_000)
    assert found is not None
    assert found.moved(-1_000) == KNOWN
    assert {slot for slot, _ in found.paused} == {BUY}


def test_a_clock_that_was_set_back_makes_nothing_happen_in_the_future() -> None:
    """A pause never lasts longer than from now on."""
    assert KNOWN.moved(1_000, latest=500).filled_at == {Side.BUY: 500}


def test_a_journal_that_grew_large_is_followed_by_one_that_still_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was put behind is not forgotten."""
    monkeypatch.setattr(commits, "LARGE_BYTES", 1)
    monkeypatch.setattr(commits, "LOOK_BYTES", 1_000)
    monkeypatch.setattr(carried, "STEPS", 3)

    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        for at in range(20, 40):
            journal.record_step(step(float(at)), 1_000_000 + at * 1000)

        assert journal.memory() == KNOWN.moved(1_000)
        assert len(list(journal.rows())) < 10


def test_a_row_of_another_version_is_no_memory() -> None:
    """It is left out, and the run begins without."""
    assert decode_recollection(encode_recollection(KNOWN)) == KNOWN
    assert decode_recollection(b'{"filled_at": 7}') is None
