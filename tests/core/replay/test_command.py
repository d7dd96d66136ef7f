"""`perpmaker replay`: what it prints, its keys, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import main
from perpmaker.journal.reading import JournalReader

OLDER = Path(__file__).parents[1] / "journal" / "journal_of_7a7309f.sqlite3"


@pytest.fixture(scope="module")
def journal(kept_session: Path) -> Path:
    """The journal of a session, in a state directory."""
    return kept_session


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["replay", *map(str, arguments)])

    said = capsys.readouterr()

    return int(str(ended.value.code)), said.out, said.err


def test_no_difference_is_said_with_what_was_compared(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0; a part of the journal's name is enough, and nothing is written beside it."""
    monkeypatch.setenv("PERPMAKER_HOME", str(journal.parents[1]))
    before = {file: file.read_bytes() for file in journal.parent.iterdir()}
    code, out, err = ran(capsys, "practice")
    lines = out.splitlines()

    assert (code, err) == (0, "")
    assert lines[0] == f"journal   {journal}"
    assert [line.split()[0] for line in lines[1:5]] == ["run", "compared", "run", "compared"]
    assert lines[-1].endswith("decisions compared: none differs")
    assert {file: file.read_bytes() for file in journal.parent.iterdir()} == before


def test_the_first_difference_is_shown_within_eighty_columns(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 8: when, what was given, what was decided then and now, and why."""
    code, out, _ = ran(capsys, journal, "--set", "bid_spread=0.06")
    lines = out.splitlines()[1:]  # the journal's path is as long as it is
    labels = [line[:9].strip() for line in lines if line[:9].strip()]

    assert code == 8
    assert labels == ["run", "compared", "differs", "given", "then", "now", "why then", "why now"]
    assert max(map(len, lines)) <= 80
    assert "0.05 % below the reference" in out
    assert "0.06 % below the reference" in out
    assert "with the journal's own configuration it is decided as it was" in out


def test_json_has_the_documented_keys(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same with --json."""
    code, out, _ = ran(capsys, journal, "--set", "bid_spread=0.06", "--json")
    found: dict[str, Any] = json.loads(out)
    difference = found["difference"]

    assert code == 8
    assert set(found) == {"journal", "runs", "difference", "unread"}
    assert set(found["runs"][0]) == {
        "run", "began", "market_data", "batches", "decisions", "positions", "apart", "remark", "versions", "notes",
    }  # fmt: skip
    assert set(difference) == {"run", "time", "batch", "decision", "with_own_configuration", "given", "then", "now"}
    assert set(difference["then"]) == {"decided", "actions", "notices", "positions", "mode", "reasons"}
    assert difference["then"]["actions"] != difference["now"]["actions"]
    assert difference["then"]["mode"] == "run"


def test_the_newest_of_several_journals_is_taken(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that there are others is said; by its file each one can be named."""
    (tmp_path / "journal").mkdir()
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))

    for age_s, name in ((20, "a"), (0, "b"), (10, "c")):
        path = Path(shutil.copy(journal, tmp_path / "journal" / f"{name}.sqlite3"))
        os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))

    code, out, err = ran(capsys, "practice:BTC-USDT", "--run", JournalReader(journal).runs()[1].run)

    assert code == 0
    assert out.splitlines()[0] == f"journal   {tmp_path / 'journal' / 'b.sqlite3'}"
    assert err == "the newest of 3 of that name (name one of the other 2 by its file)\n"


def test_what_cannot_be_replayed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], journal: Path) -> None:
    """Exit code 2: no such journal, an earlier version's, a value that no file may have, a run that is not there."""
    older = shutil.copy(OLDER, tmp_path / "older.sqlite3")

    for arguments, words in (
        ((tmp_path / "none.sqlite3",), "is no file, and in the name of no journal"),
        ((older,), "it was journalled by an earlier version, which kept too little"),
        ((journal, "--set", "bid_spread=abc"), "bid_spread"),
        ((journal, "--run", "nobody"), "no run nobody is in this journal"),
    ):
        code, _, err = ran(capsys, *arguments)
        assert code == 2, arguments
        assert words in err, arguments
        assert "Traceback" not in err
