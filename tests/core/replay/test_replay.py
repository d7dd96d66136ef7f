"""What a journal has of a session is decided again as it was, or the first decision that differs is found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
from tests.core.replay.sessions import content, replayed, rewritten, traded

from perpmaker.journal import commits
from perpmaker.journal.file import Row
from perpmaker.journal.inputs import decode_batches, encode_batches
from perpmaker.journal.reading import JournalReader
from perpmaker.model.order import OrderKind
from perpmaker.replay.outcome import Outcome

OLDER = Path(__file__).parents[1] / "journal" / "journal_of_7a7309f.sqlite3"


def placed(path: Path) -> set[str]:
    """What the orders of a journal are for."""
    return {content(row)["slot"][0] for row in JournalReader(path).rows(kinds={"intent"})}


def happened(path: Path) -> set[str]:
    """The events of a journal's steps."""
    return {word for row in JournalReader(path).rows(kinds={"step"}) for word, _ in content(row)["events"]}


def remarks(outcome: Outcome) -> list[str]:
    """Why runs were not compared, or not to their end."""
    return [part.remark for part in outcome.runs]


def test_a_session_with_fills_a_stop_loss_and_a_reconnect_is_decided_as_it_was(kept_session: Path) -> None:
    """Two runs, each to its end: every decision, and all that led to none."""
    assert {OrderKind.STOP_LOSS.value, OrderKind.TAKE_PROFIT.value, OrderKind.QUOTE.value} <= placed(kept_session)
    assert {"OrderFilled", "StreamLost", "StreamRestored", "Resynced", "StopRequested"} <= happened(kept_session)

    outcome = replayed(kept_session)

    assert outcome.difference is None
    assert remarks(outcome) == ["", ""]
    assert sum(part.decisions for part in outcome.runs) == len(list(JournalReader(kept_session).rows(kinds={"step"})))
    assert sum(part.batches for part in outcome.runs) > 2 * sum(part.decisions for part in outcome.runs)
    assert outcome.unread == ()


def test_only_the_run_that_is_asked_for_is_replayed(kept_session: Path) -> None:
    """The second one begins with what the first has left."""
    first, second = JournalReader(kept_session).runs()
    outcome = replayed(kept_session, only=second.run)

    assert [(part.run, part.remark) for part in outcome.runs] == [(second.run, "")]
    assert outcome.runs[0].decisions > 5
    assert replayed(kept_session, only="none").runs == []
    assert replayed(kept_session, only=first.run).difference is None


def test_one_changed_parameter_changes_the_first_decision_that_it_concerns(kept_session: Path) -> None:
    """A spread the first quotes; the stop's distance nothing before there is a position."""
    spread = replayed(kept_session, "bid_spread=0.06").difference
    stop = replayed(kept_session, "stop_loss_spread=0.3").difference
    nothing = replayed(kept_session, "order_refresh_time=500", "bid_spread=0.05").difference

    assert spread is not None
    assert stop is not None
    assert spread.batch < stop.batch
    assert not spread.own
    then, now = (_ticks(one.content, OrderKind.QUOTE) for one in (spread.then, spread.now))
    assert then[1:] == now[1:]
    assert then[0] > now[0]
    assert _ticks(stop.then.content, OrderKind.VENUE_STOP) != _ticks(stop.now.content, OrderKind.VENUE_STOP)
    assert nothing is None or nothing.batch > stop.batch


def _priced(step: Any) -> list[Any]:
    """The orders with a price that a step places."""
    return [action["order"] for word, action in step["actions"] if word == "Place" and action["order"]["ticks"]]


def _ticks(step: Any, kind: OrderKind) -> list[int]:
    """The prices of the orders of a kind that a step places."""
    return [order["ticks"] for order in _priced(step) if order["slot"][0] == kind.value]


def test_a_decision_that_was_another_one_is_found(session_journal: Path, tmp_path: Path) -> None:
    """One tick in one order, a line that was not said, a step that was not taken, and one that was."""
    rows = enumerate(JournalReader(session_journal).rows())
    at, step = next(
        (number, content(row)) for number, row in rows if row.kind == "step" and number > 30 and _priced(content(row))
    )

    def moved(number: int, row: Row) -> Row:
        if number != at:
            return row

        other = content(row)
        _priced(other)[0]["ticks"] += 1

        return attrs.evolve(row, payload=msgspec.json.encode(other))

    def silent(number: int, row: Row) -> Row:
        return row if number != at else attrs.evolve(row, payload=msgspec.json.encode({**step, "notices": ["x"]}))

    def left_out(number: int, row: Row) -> Row | None:
        return None if number == at else row

    for change in (moved, silent, left_out):
        path = rewritten(session_journal, tmp_path / f"{change.__name__}.sqlite3", change)
        found = replayed(path).difference
        assert found is not None, change.__name__
        assert found.own
        assert (found.then.content is None) is (change is left_out)
        assert found.now.content is not None
        assert found.now.content["at"] == step["at"]
        assert (found.now.content == step) is (change is not left_out)  # ids of orders come from the journal


def test_fields_that_an_earlier_version_did_not_write_are_no_difference(session_journal: Path, tmp_path: Path) -> None:
    """Neither in what happened nor in an order: what is missing has the value that it has by itself."""

    def shorter(_: int, row: Row) -> Row:
        text = row.payload.replace(b',"attached_stop":null', b"").replace(b',"order_margin":"0"', b"")
        return attrs.evolve(row, payload=text) if row.kind == "step" else row

    path = rewritten(session_journal, tmp_path / "shorter.sqlite3", shorter)
    sizes = [sum(len(row.payload) for row in JournalReader(one).rows()) for one in (path, session_journal)]

    assert sizes[0] < sizes[1]
    assert replayed(path).difference is None


def test_what_an_end_without_the_trader_has_sent_stands_apart(session_journal: Path, tmp_path: Path) -> None:
    """It is no decision; what such an order is for is known from then on."""
    order = next(content(row) for row in JournalReader(session_journal).rows(kinds={"intent"}))
    step = {"at": 99.0, "events": [], "actions": [["Place", {"order": order}]], "notices": [], "mode": ["", ""]}

    def rescued(_: int, row: Row) -> Row:
        return attrs.evolve(row, kind="step", payload=msgspec.json.encode(step)) if row.kind == "end" else row

    outcome = replayed(rewritten(session_journal, tmp_path / "rescued.sqlite3", rescued))

    assert outcome.difference is None
    assert [part.apart for part in outcome.runs] == [1, 1]


def test_inputs_that_are_missing_end_the_comparison_with_words(session_journal: Path, tmp_path: Path) -> None:
    """What comes before is compared, and so are the other runs."""
    inputs = [number for number, row in enumerate(JournalReader(session_journal).rows()) if row.kind == "inputs"]

    def without(number: int, row: Row) -> Row | None:
        return None if number == inputs[9] else row

    def garbled(number: int, row: Row) -> Row:
        return attrs.evolve(row, payload=b"\0\1") if number == inputs[9] else row

    for change, words in ((without, "from here on the journal has no inputs"), (garbled, "the inputs cannot be read")):
        outcome = replayed(rewritten(session_journal, tmp_path / f"{change.__name__}.sqlite3", change))
        first, second = outcome.runs
        assert outcome.difference is None
        assert first.remark.startswith(words)
        assert first.decisions > 5
        assert (second.remark, second.decisions > 5) == ("", True)


def test_a_damaged_journal_is_replayed_up_to_the_damage(session_journal: Path) -> None:
    """And what is missing is said."""
    with closing(sqlite3.connect(session_journal)) as connection:
        connection.execute("UPDATE row SET utc_ms = 7 WHERE seq = 60")
        connection.commit()

    outcome = replayed(session_journal)

    assert outcome.difference is None
    assert [part.decisions > 5 for part in outcome.runs] == [True]
    assert remarks(outcome) == ["what follows of it cannot be read"]
    assert ["row 60 is not what was written" in one.reason for one in outcome.unread] == [True]


def test_a_journal_of_an_earlier_version_is_said_to_have_too_little(tmp_path: Path) -> None:
    """Its runs are named, and none is replayed."""
    outcome = replayed(Path(shutil.copy(OLDER, tmp_path / "j")))

    assert remarks(outcome) == ["it was journalled by an earlier version, which kept too little"]
    assert outcome.runs[0].batches == 0


def test_a_start_of_another_version_and_a_plugin_that_is_gone_are_said(session_journal: Path, tmp_path: Path) -> None:
    """Whatever keeps the trader from being made again."""

    def strange(_: int, row: Row) -> Row:
        return attrs.evolve(row, payload=b'{"at": "noon"}') if row.kind == "start" else row

    def uninstalled(_: int, row: Row) -> Row:
        text = row.payload.replace(b"perpetual_market_making", b"something_else")
        return attrs.evolve(row, payload=text) if row.kind == "run" else row

    for change, words in ((strange, "another version has written how it began"), (uninstalled, "its trader cannot be")):
        found = remarks(replayed(rewritten(session_journal, tmp_path / f"{change.__name__}.sqlite3", change)))
        assert [one.startswith(words) for one in found] == [True, True]


def test_a_plugin_that_was_interrupted_is_interrupted_again(session_journal: Path, tmp_path: Path) -> None:
    """Time does not end its call this time: the journal says at which call it did."""
    words = "the strategy perpetual_market_making of perpmaker 0.1.0 failed in decide (it did not come back)"
    inputs = [number for number, row in enumerate(JournalReader(session_journal).rows()) if row.kind == "inputs"]

    def interrupted(number: int, row: Row) -> Row:
        if number != inputs[5]:
            return row

        *batches, last = decode_batches(row.payload)

        return attrs.evolve(row, payload=encode_batches([*batches, last._replace(interrupted=(words,))]))

    found = replayed(rewritten(session_journal, tmp_path / "interrupted.sqlite3", interrupted)).difference

    assert found is not None
    assert found.now.decision is not None
    assert (found.now.decision.mode.value, found.now.decision.mode_reason) == ("halt", words)


def test_a_run_without_market_data_has_its_positions_compared(tmp_path: Path) -> None:
    """No decision can be: each hangs on the book. One position that is another one is found."""
    path = traded(tmp_path / "home", "journal_market_data=false")
    outcome = replayed(path)

    assert outcome.difference is None
    assert remarks(outcome) == ["", ""]
    assert [(part.market_data, part.decisions) for part in outcome.runs] == [(False, 0)] * 2
    assert outcome.runs[0].positions > 3
    assert not any(row.kind == "inputs" for row in JournalReader(path).rows())
    memories = [
        number for number, row in enumerate(JournalReader(path).rows()) if row.kind == "memory" and content(row)["held"]
    ]

    def other(number: int, row: Row) -> Row:
        text = row.payload.replace(b'"0.010"', b'"0.011"').replace(b'"-0.010"', b'"-0.011"')
        return attrs.evolve(row, payload=text) if number == memories[0] else row

    found = replayed(rewritten(path, tmp_path / "other.sqlite3", other)).difference
    assert found is not None
    assert found.then.content != found.now.content


def test_a_run_that_began_in_an_older_part_is_replayed(session_journal: Path, tmp_path: Path) -> None:
    """Also where the part is gone by now: then its beginning is missed, and the next run is replayed."""
    path, middle = tmp_path / "j", 70
    rewritten(session_journal, tmp_path / "j.000001", lambda number, row: row if number < middle else None)
    rewritten(session_journal, path, lambda number, row: row if number >= middle else None, number=2)
    whole = replayed(session_journal)
    parts = replayed(path)

    assert parts == whole
    assert parts.difference is None

    rewritten(
        session_journal,
        tmp_path / "k",
        lambda number, row: row if number >= middle or row.kind == "run" else None,
        number=2,
    )
    assert remarks(replayed(tmp_path / "k")) == ["how it began is not in the journal any more", ""]


@pytest.mark.full
def test_a_rotation_in_the_middle_of_a_run_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run begins in one part and ends in another."""
    monkeypatch.setattr(commits, "LARGE_BYTES", 40_000)
    monkeypatch.setattr(commits, "LOOK_BYTES", 10_000)
    path = traded(tmp_path / "home")
    outcome = replayed(path)

    assert len(JournalReader(path).files()) > 2
    assert outcome.difference is None
    assert remarks(outcome) == ["", ""]
    assert outcome.runs[0].decisions > 10
