"""The log of a bot: whole lines, bounded, its owner's alone, and nothing that happens to its disk reaches the bot."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from perpmaker.runtime import log_file
from perpmaker.runtime.log_file import LogFile
from perpmaker.runtime.log_flood import MOST_A_MINUTE, QUIET_S, REMEMBERED, LogFlood
from perpmaker.secret import References

HEAD = {"bot": "btc:BTC-USDT", "environment": "live", "account": ""}


@contextmanager
def logging_to(folder: Path, told: list[str] | None = None) -> Iterator[LogFile]:
    """A log in a folder, closed at the end with all that waits written."""
    lines: list[str] = [] if told is None else told
    log = LogFile(folder, "btc~live", head=HEAD, about={"process": os.getpid()}, tell=lines.append)

    try:
        yield log
    finally:
        log.end()
        until(lambda: not log.is_alive)


def until(condition: Callable[[], object], within_s: float = 300.0) -> None:
    """Wait for a thread."""
    end = time.monotonic() + within_s

    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def lines_of(*paths: Path) -> list[dict[str, Any]]:
    """The lines of files, every one of them whole."""
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def test_a_line_has_its_date_its_bot_and_its_figures(tmp_path: Path) -> None:
    """One JSON object a line, in a file of 0600; what is in the head is not said twice."""
    with logging_to(tmp_path) as log:
        log.note("fill", "quote: bought", {"price": "60000.10", "bot": "other", "maker": True}, 1_767_225_600_123)
        log.note("halt", "HALT: margin call")

    path = tmp_path / "btc~live.jsonl"
    begun, fill, halt = lines_of(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (begun["kind"], begun["process"]) == ("log", os.getpid())
    assert fill == {
        "at": "2026-01-01T00:00:00.123Z",
        "level": "info",
        "kind": "fill",
        "text": "quote: bought",
        **HEAD,
        "price": "60000.10",
        "maker": True,
    }
    assert (halt["level"], halt["at"][-1]) == ("error", "Z")


def test_files_are_put_aside_by_number_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is logged, no more than five files of a bounded size are there; each begins with whose it is."""
    monkeypatch.setattr(log_file, "MOST_BYTES", 2_000)
    monkeypatch.setattr(log_file, "MOST_WAITING", 10_000)

    with logging_to(tmp_path) as log:
        for number in range(500):
            log.note("fill", f"bought {number}")

    path = tmp_path / "btc~live.jsonl"
    older = [tmp_path / f"{path.name}.{number}" for number in range(1, 5)]
    assert sorted(tmp_path.iterdir()) == sorted([path, *older])
    assert all(one.stat().st_size <= 2_000 for one in (path, *older))
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, *older)} == {0o600}
    assert all(lines_of(one)[0]["process"] == os.getpid() for one in (path, *older))
    told = [line["text"] for line in lines_of(*reversed(older), path) if line["kind"] == "fill"]
    assert told == [f"bought {number}" for number in range(500 - len(told), 500)]


def test_a_full_disk_is_told_once_and_what_was_lost_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits and nothing is raised; the line that was cut off stays alone, and the log goes on by itself."""
    told: list[str] = []
    is_full = threading.Event()
    write = os.write

    def scarce(handle: int, content: bytes) -> int:
        if not is_full.is_set():
            return write(handle, content)

        if len(content) > 20:
            return write(handle, content[:20])

        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("perpmaker.runtime.log_file.os.write", scarce)
    monkeypatch.setattr(log_file, "TICK_S", 0.01)

    with logging_to(tmp_path, told) as log:
        path = tmp_path / "btc~live.jsonl"
        until(lambda: path.exists() and path.stat().st_size)
        is_full.set()

        for number in range(3):
            log.note("fill", f"lost {number}")

        until(lambda: log._lost == 3)
        is_full.clear()
        log.note("fill", "written")

    assert told == [
        "the log cannot be written (No space left on device): trading goes on without it",
        "the log is written again",
    ]
    lines = (tmp_path / "btc~live.jsonl").read_bytes().splitlines()
    whole = [json.loads(line) for line in lines if line.endswith(b"}")]
    assert [line["text"] for line in whole] == ["the log begins", "written", "3 lines were lost before"]


def test_a_disk_that_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines wait up to a bound, and what comes on top is dropped and counted in the log later."""
    monkeypatch.setattr(log_file, "MOST_WAITING", 50)
    go = threading.Event()
    write = os.write

    def slow(handle: int, content: bytes) -> int:
        go.wait()

        return write(handle, content)

    monkeypatch.setattr("perpmaker.runtime.log_file.os.write", slow)

    with logging_to(tmp_path) as log:
        for number in range(2_000):
            log.note("fill", f"bought {number}")

        assert not go.is_set()
        assert log.dropped > 1_900
        go.set()

    assert any("lines were lost before" in line["text"] for line in lines_of(tmp_path / "btc~live.jsonl"))


def test_two_bots_of_one_name_write_to_two_files(tmp_path: Path) -> None:
    """A live one and its copy in another folder: neither puts the other's file aside."""
    with logging_to(tmp_path) as one, logging_to(tmp_path) as other:
        until(lambda: one.path is not None and other.path is not None)
        assert {one.path, other.path} == {tmp_path / "btc~live.jsonl", tmp_path / "btc~live-2.jsonl"}

    with logging_to(tmp_path) as again:
        until(lambda: again.path is not None)
        assert again.path == tmp_path / "btc~live.jsonl"


def test_a_link_in_the_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    """What it leads to stays as it is; that is told, and the bot trades on."""
    told: list[str] = []
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "btc~live.jsonl").symlink_to(target)

    with logging_to(tmp_path, told) as log:
        log.note("fill", "bought")

    assert target.read_text() == "precious"
    assert told == ["the log cannot be written (it is a symbolic link: name a file itself): trading goes on without it"]


def test_no_secret_is_in_a_line(tmp_path: Path) -> None:
    """What a reference has brought is taken out of text and figures, as JSON writes it too."""
    secret = 'T0KEN"of/a\\webhook' * 2
    References(tmp_path, {"HOOK": secret}).reveal("env:HOOK")

    with logging_to(tmp_path) as log:
        log.note("notice", f"no answer of {secret}", {"venue_text": secret})

    content = (tmp_path / "btc~live.jsonl").read_text()
    assert "T0KEN" not in content
    assert lines_of(tmp_path / "btc~live.jsonl")[1]["venue_text"] == "***"


def test_a_line_that_comes_again_is_counted() -> None:
    """Once a minute, with how often it came; what has stopped is counted in a line of its own."""
    flood = LogFlood()
    assert flood.admit("notice", "no answer", 0.0) == 0
    assert [flood.admit("notice", "no answer", second) for second in (1.0, 30.0, 59.0)] == [None] * 3
    assert flood.admit("refusal", "no answer", 59.0) == 0
    assert list(flood.due(59.0)) == []
    assert flood.admit("notice", "no answer", QUIET_S) == 3
    assert flood.admit("notice", "no answer", QUIET_S + 1) is None
    assert list(flood.due(3 * QUIET_S)) == [("notice", "no answer", 1)]
    assert flood.admit("notice", "no answer", 3 * QUIET_S) == 0


def test_lines_that_differ_do_not_fill_a_log_either() -> None:
    """So many of a kind in a minute, and what is remembered of them is bounded; money is always written."""
    flood = LogFlood()
    written = [flood.admit("refusal", f"refused {number}", number / 1000) for number in range(2_000)]
    assert written.count(0) == MOST_A_MINUTE
    assert all(flood.admit("fill", "bought", 1.0) == 0 for _ in range(1_000))
    assert flood.admit("notice", "something else", 2.0) == 0
    (more,) = [one for one in flood.due(QUIET_S) if "more lines of the kind refusal" in one[1]]
    assert more == ("refusal", f"more lines of the kind refusal than {MOST_A_MINUTE} a minute", 2_000 - MOST_A_MINUTE)
    assert flood.admit("refusal", "refused again", QUIET_S) == 0
    assert len(flood._lines) <= REMEMBERED
