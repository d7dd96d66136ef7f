"""`perpmaker report`: what it reads, prints and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.page.results import long_result

from perpmaker.backtest.result import decode_result, write_result
from perpmaker.cli import main
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key, open_state_dir

OLDER = Path(__file__).parents[1] / "journal" / "journal_of_7a7309f.sqlite3"


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["report", *map(str, arguments)])

    said = capsys.readouterr()

    return int(ended.value.code or 0), said.out, said.err


def test_a_result_is_shown_in_words_written_as_a_page_and_printed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same result each time; lines of a terminal, a page that is replaced, JSON that can be read."""
    result = long_result(20)
    write_result(tmp_path / "r.json", result)
    page = tmp_path / "report.html"
    code, out, _ = ran(capsys, tmp_path / "r.json", "--out", page)
    assert code == 0
    assert "paper BTC-USDT on binance_perpetual (btc:BTC-USDT)" in out
    assert "! Paper: real market data, simulated fills." in out
    assert "It came from: spread " in out
    assert max(map(len, out.splitlines())) <= 80 + len(str(page))
    first = page.read_bytes()
    assert first.startswith(b"<!doctype html>")
    assert ran(capsys, tmp_path / "r.json", "--out", page)[0] == 0
    assert page.read_bytes() == first
    code, out, _ = ran(capsys, tmp_path / "r.json", "--json")
    assert decode_result(out.encode()) == result
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.json", "report.html"]


def test_a_file_that_is_no_report_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor the result itself, unless a person says so; nothing is read before that."""
    write_result(tmp_path / "r.json", long_result(5))
    before = (tmp_path / "r.json").read_bytes()
    code, _, err = ran(capsys, tmp_path / "r.json", "--out", tmp_path / "r.json")
    assert (code, (tmp_path / "r.json").read_bytes()) == (2, before)
    assert "is there already and is no report: name another file, or say --force" in err
    (tmp_path / "other.html").write_text("mine")
    assert ran(capsys, tmp_path / "r.json", "--out", tmp_path / "other.html", "--force")[0] == 0
    assert (tmp_path / "other.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_journal_is_read_by_its_file_and_by_the_bots_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `history` finds it; an early version's journal too."""
    code, out, _ = ran(capsys, OLDER, "--json")
    assert code == 0
    assert json.loads(out)["money"]["fills"] > 0
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    key = Key(environment="sandbox", venue="v", account="a", market="BTC-USDT")

    with open_journal(open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")}).journal(key), key, "r1") as (open_, _):
        open_.record_run(1_767_268_800_000, {"key": str(key)})

    code, out, _ = ran(capsys)
    assert code == 0
    assert "No fills." in out
    assert ran(capsys, "BTC-USDT")[1] == out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "No bot called 'nobody' has a history"),
        (["--from", "2026-02-30"], "is no date or time: write it as 2026-11-30 or 2026-11-30T22:10, in UTC"),
        (["--from", "2026-01-02", "--until", "2026-01-01"], "--until is not later than --from"),
        ([str(OLDER), "--until", "2000-01-01"], "has nothing before 2000-01-01T00:00:00.000Z (--until, UTC)"),
        ([str(Path(__file__))], "cannot be read: it is not JSON"),
        ([str(OLDER), "--out", "/nowhere/at/all.html"], "cannot be written: there is no folder /nowhere/at"),
    ],
)
def test_what_cannot_be_shown_is_said(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In words, with exit code 2, and nothing printed."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    code, out, err = ran(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in " ".join(err.split())
