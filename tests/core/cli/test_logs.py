"""`perpmaker logs`: the last lines over all files of a log, for people and programs, and what comes after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import main
from perpmaker.cli.logs import followed, last_lines, worded


def line(number: int, **values: Any) -> bytes:
    """A line of a log."""
    at = f"2026-11-30T22:10:{number:02d}.123Z"

    return json.dumps({"at": at, "level": "info", "kind": "fill", "text": f"bought {number}", **values}).encode()


def begun(name: str) -> bytes:
    """The line with which a log begins."""
    market = name.partition(":")[2]

    return line(0, kind="log", bot=name, market=market, environment="live", file=f"/etc/{name}.toml", process=7)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory with the logs of two bots, one of which has an older file."""
    folder = tmp_path / "log"
    folder.mkdir(mode=0o700)
    (folder / "btc~live.jsonl.1").write_bytes(b"\n".join([begun("btc:BTC-USDT"), line(1), line(2), b""]))
    (folder / "btc~live.jsonl").write_bytes(b"\n".join([begun("btc:BTC-USDT"), line(3), b'{"at": "2026-cut', b""]))
    (folder / "eth~live.jsonl").write_bytes(begun("eth:ETH-USDT") + b"\n")
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))

    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """What a command says."""
    with pytest.raises(SystemExit) as ended:
        main(["logs", *words])

    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)

    return ended.value.code, said.out, said.err


@pytest.mark.usefixtures("home")
def test_the_last_lines_are_shown_over_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, market or file; what cannot be read is shown as it is; nothing is lost at the edge of two files."""
    code, out, _ = shown(capsys, "btc", "-n", "5")
    assert code == 0
    assert out.splitlines() == [
        "2026-11-30 22:10:01Z bought 1",
        "2026-11-30 22:10:02Z bought 2",
        "2026-11-30 22:10:00Z bought 0",
        "2026-11-30 22:10:03Z bought 3",
        '(not readable) {"at": "2026-cut',
    ]
    assert len(shown(capsys, "BTC-USDT", "-n", "0")[1].splitlines()) == 6
    assert shown(capsys, "btc", "-n", "2")[1].splitlines()[0].endswith("bought 3")


@pytest.mark.usefixtures("home")
def test_programs_get_the_lines_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object each."""
    _, out, _ = shown(capsys, "eth", "--json")
    assert json.loads(out)["bot"] == "eth:ETH-USDT"


@pytest.mark.usefixtures("home")
def test_which_log_is_meant_is_asked_for_where_it_is_not_clear(capsys: pytest.CaptureFixture[str]) -> None:
    """Several, none of that name, and none at all: exit code 2, with what there is."""
    code, _, said = shown(capsys)
    assert (code, "btc:BTC-USDT" in said, "eth:ETH-USDT" in said) == (2, True, True)
    code, _, said = shown(capsys, "sol")
    assert code == 2
    assert "No logged bot is called 'sol'. Logged: btc:BTC-USDT, eth:ETH-USDT." in said


def test_without_a_log_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To look changes nothing."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "none"))
    assert shown(capsys)[0] == 2
    assert not (tmp_path / "none").exists()


def test_a_log_is_followed_into_the_next_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written from now on, half lines once they are whole, and what stands in the file that takes its place."""
    path = home / "log" / "eth~live.jsonl"

    def append(content: bytes) -> None:
        with path.open("ab") as file:
            file.write(content)

    def put_aside() -> None:
        path.rename(path.with_name("eth~live.jsonl.1"))
        append(line(3) + b"\n")

    steps = [lambda: append(line(1) + b"\n" + line(2)[:10]), lambda: append(line(2)[10:] + b"\n"), put_aside]
    monkeypatch.setattr("perpmaker.cli.logs.sleep", lambda _: steps.pop(0)())
    lines = followed(path)

    assert [json.loads(next(lines))["text"] for _ in range(3)] == ["bought 1", "bought 2", "bought 3"]


def test_a_line_for_a_person_fits_the_terminal_and_names_what_is_wrong() -> None:
    """80 columns where they are wrapped; a level that is not `info` is said, and how often a line came."""
    long = line(5, level="error", kind="halt", text=f"HALT: {'margin ' * 20}call", repeated=3)
    wrapped = list(worded(long, wraps=True))
    assert all(len(one) <= 80 for one in wrapped)
    assert wrapped[0].startswith("2026-11-30 22:10:05Z ERROR HALT: margin")
    assert " ".join(" ".join(wrapped).split()) == next(iter(worded(long, wraps=False)))
    assert wrapped[-1].endswith("(and 3 more like it before)")


def test_the_last_lines_of_nothing_are_none(home: Path) -> None:
    """An empty file is no mistake."""
    empty = home / "log" / "none.jsonl"
    empty.write_bytes(b"")
    assert list(last_lines(empty, 10)) == []
