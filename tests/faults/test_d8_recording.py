"""D8: a long recording "could not be reached", its end went unnoticed, a cut one was refused, a crossed one began."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import RecordingError
from perpmaker.model.order import Side
from perpmaker.plugins.catalog import load_catalog
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.recording import RecordedMarket, Replay
from perpmaker.simulation.recording_reader import Capture, Recording
from perpmaker.simulation.rules import MARKETS
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture

BEGAN_US = 1_700_000_000_000_000
INSTRUMENT = MARKETS["BTC-USDT"].instrument
CONFIGURATION = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.05
ask_spread = 0.05
order_amount = 0.01
order_refresh_time = 5.0
long_profit_taking_spread = 0.1
short_profit_taking_spread = 0.1
stop_loss_spread = 1

[sandbox]
recording = {files}
"""


@pytest.fixture
def dialect() -> Any:
    """The sandbox dialect of the shipped connector."""
    declaration = load_catalog().derivative_connector("binance_perpetual")
    assert declaration.sandbox is not None

    return declaration.sandbox()


def line(at_s: float, message: dict[str, Any]) -> bytes:
    """A line of a capture, so many seconds after its beginning."""
    return f"{BEGAN_US + round(at_s * 1_000_000)} {json.dumps(message)}\n".encode()


def snapshot(at_s: float, update: int) -> bytes:
    """A whole book around 60,000."""
    return line(at_s, {"lastUpdateId": update, "bids": [["59999.0", "1"]], "asks": [["60001.0", "1"]], "T": 1})


def depth(at_s: float, update: int, bids: Sequence[tuple[str, str]] = ()) -> bytes:
    """The difference that makes it this update."""
    data = {"s": "BTCUSDT", "U": update, "u": update, "pu": update - 1, "b": bids, "a": [], "E": 1, "T": 1}

    return line(at_s, {"stream": "btcusdt@depth", "data": data})


def trade(at_s: float) -> bytes:
    """Somebody buys half of the best ask."""
    data = {"s": "BTCUSDT", "p": "60001.0", "q": "0.5", "m": False, "T": 10**15}

    return line(at_s, {"stream": "btcusdt@trade", "data": data})


def whole(seconds: int = 3, *, first: int = 10, at_s: float = 0) -> list[bytes]:
    """A capture: a snapshot, and a difference and a trade each second."""
    lines = [snapshot(at_s, first)]

    for number in range(seconds + 1):
        lines += [depth(at_s + number, first + 1 + number), trade(at_s + number)]

    return lines


def recording(*files: list[bytes]) -> Recording:
    """These lines as the files of a capture."""
    return Recording(
        INSTRUMENT, [Capture(f"part{number}.gz", part.__iter__) for number, part in enumerate(files, 1)], BinanceCapture
    )


def play(replay: Replay) -> tuple[Exchange, list[int]]:
    """Play to the end; the exchange afterwards, and when it ended."""
    ended: list[int] = []
    market = RecordedMarket(replay, start_ms=0, on_end=lambda: ended.append(market.next_ms is None))
    exchange = Exchange(INSTRUMENT, market, start_ms=0)
    exchange.advance(10_000_000)

    return exchange, ended


# --- cut off


def test_D8_last_line_that_was_cut_is_left_out_and_said() -> None:
    """Wherever it was cut, in its time or in its JSON: what was before it is played."""
    for left in [1, 10, 16, 17, 18, 40, -2]:
        lines = whole()
        lines[-1] = lines[-1][:left]
        replay = Replay(recording(lines))

        assert replay.notes == ("part1.gz was cut off in its line 9: it is used up to there",)
        assert play(replay)[1] == [True]


def test_D8_last_line_without_its_end_is_whole_when_it_says_all() -> None:
    """Only the line break is missing: nothing was cut."""
    lines = whole()
    lines[-1] = lines[-1].rstrip(b"\n")

    assert Replay(recording(lines)).notes == ()


def test_D8_only_what_is_the_beginning_of_a_line_counts_as_cut() -> None:
    """What is wrong in itself is refused with its place, as in the middle of a file."""
    for last in [
        b"garbage",
        b'1700000099000000 {"stream": "btcusdt@trade", "data": {"s": "BTCUSDT"',
        b'1700000099000000 {"stream": "btcusdt@trade", "data": {"s": "ETHUSDT"}}',
        b'1700000099000000 {"stream" nonsense',
        b"1700000099000000 [1, 2",
    ]:
        lines = [*whole(), last]
        is_beginning = last.endswith(b'"BTCUSDT"')

        if is_beginning:
            assert Replay(recording(lines)).notes
        else:
            with pytest.raises(RecordingError, match=r"part1\.gz:10: this line cannot be used"):
                Replay(recording(lines))


@pytest.mark.parametrize(
    "missing", [1, 9, *(pytest.param(missing, marks=pytest.mark.full) for missing in (4, 8, 20, 100))]
)
def test_D8_file_whose_compression_was_cut_is_used_up_to_there(tmp_path: Path, missing: int) -> None:
    """A recorder that was killed leaves a file without an end; all whole lines before it are played."""
    file = tmp_path / "a.gz"
    text = b"".join(whole(2_000))
    file.write_bytes(gzip.compress(text)[:-missing])
    replay = Replay(Recording(INSTRUMENT, [open_capture(file)], BinanceCapture))

    assert [note.startswith(f"{file} was cut off in its line ") for note in replay.notes] == [True]
    assert play(replay)[1] == [True]
    assert 1_900_000 < replay.end_ms - replay.begin_ms <= 2_000_000


def test_D8_cut_in_the_middle_of_a_capture_ends_it_unless_the_book_comes_back() -> None:
    """The next file does not go on from there: without a snapshot it is not used, with one the book is known again."""
    first, second = whole(3), whole(3, first=100, at_s=10)
    first[-1] = first[-1][:30]
    ended, known = Replay(recording(first, second[1:])), Replay(recording(first, second))

    assert ended.notes[1] == "what comes after its first 10.0 s does not go on from there: it is not used"
    assert ended.end_ms - ended.begin_ms == 10_000
    assert len(known.notes) == 1
    assert known.end_ms - known.begin_ms == 13_000
    assert play(ended)[0].best(Side.BUY) is not None


def test_D8_cut_before_the_book_was_known_is_refused_with_its_place() -> None:
    """There is nothing to play, and the reason is not a recorder that asked for no snapshot."""
    lines = [depth(0, 5), depth(1, 6)[:50]]

    with pytest.raises(RecordingError, match=r"part1\.gz:2: it was cut off here, before there was a depth snapshot"):
        Replay(recording(lines))


def test_D8_gap_is_refused_as_before() -> None:
    """A line that is missing in the middle is no cut: what comes after it would be played on a wrong book."""
    lines = whole()
    del lines[3]

    with pytest.raises(RecordingError, match="a gap in the book stream"):
        Replay(recording(lines))


# --- crossed


@pytest.mark.parametrize("offset_s", [0.0, 2.5])
def test_D8_crossed_book_is_found_before_anything_begins(offset_s: float) -> None:
    """With file and line, wherever the replay would begin."""
    lines = [*whole(), depth(4, 15, [("60002.0", "1")]), depth(5, 16)]

    with pytest.raises(RecordingError, match=r"part1\.gz:10: the book crosses itself here, .* 60002\.0 .* 60001\.0"):
        Replay(recording(lines), offset_s)


def test_D8_snapshot_that_crosses_itself_is_found_too() -> None:
    """A bid and an ask at one price are as wrong as a bid above an ask."""
    wrong = line(0, {"lastUpdateId": 10, "bids": [["60001.0", "1"]], "asks": [["60001.0", "1"]], "T": 1})

    with pytest.raises(RecordingError, match=r"part1\.gz:2: the book crosses itself here"):
        Replay(recording([wrong, *whole()[1:]]))


# --- progress, window and end


async def open_recorded(
    file: Path, dialect: Any, told: list[str], on_read: Callable[[Any], None] | None = None
) -> dict[str, Any]:
    """Serve a recording until it is over; the sandbox's line as attributes, before and after."""
    settings = SandboxSettings(venue="binance_perpetual", recording=(file,))
    listener = await MemoryNetwork().listen()

    async with open_sandbox(
        dialect, settings, clock=LoopClock(), listener=listener, tell=told.append, on_read=on_read
    ) as sandbox:
        return {"worth": sandbox.line.worth, "window": sandbox.line.window}


@pytest.mark.anyio
async def test_D8_progress_is_told_while_it_is_read_and_others_go_on(tmp_path: Path, dialect: Any) -> None:
    """Portion, file and time grow; between two of them the loop is free, so that a signal is heard."""
    file = tmp_path / "long.gz"
    file.write_bytes(gzip.compress(b"".join(whole(6_000)), 0))  # larger than what Python 3.12 reads at once
    seen: list[float] = []
    beats: list[int] = []

    async def beat() -> None:
        while True:
            beats.append(len(seen))
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        await open_recorded(file, dialect, [], lambda progress: seen.append(progress.portion))
        group.cancel_scope.cancel()

    assert len(seen) >= 5
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] <= 1
    assert len({at for at in beats if 0 < at < len(seen)}) >= 3


@pytest.mark.anyio
async def test_D8_summary_can_name_files_and_window(tmp_path: Path, dialect: Any) -> None:
    """And what was said of the files when they were read."""
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"".join(whole())[:-40]))
    told: list[str] = []
    found = await open_recorded(file, dialect, told)

    assert found["worth"][:3] == (
        "recorded in a.gz",
        "2023-11-14 22:13:20 to 22:13:23 UTC (3 s)",
        f"{file} was cut off in its line 9: it is used up to there",
    )
    assert told == [found["worth"][2]]


def run(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on a configuration, to its end."""
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "perpmaker", "run", str(file), *words],
        check=False,
        env={**os.environ, "PERPMAKER_HOME": str(file.parent / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.full  # as long as the recording, which has to be longer than a start on a busy machine
@pytest.mark.parametrize("environment", ["sandbox", "paper"])
def test_D8_run_ends_with_the_recording_and_says_so(tmp_path: Path, environment: str) -> None:
    """No quote stays on a book that stands still: exit 0, the reason as a line, files and window in the summary."""
    capture, file = tmp_path / "a.gz", tmp_path / "a.toml"
    capture.write_bytes(gzip.compress(b"".join(whole(20))))
    table = f'\n[binance_perpetual]\nenvironment = "{environment}"\n'
    file.write_text(CONFIGURATION.format(files=json.dumps([str(capture)])) + table)
    ended = run(file)

    assert ended.returncode == 0, ended.stderr
    assert re.search(r"the recording has ended .*22:13:20 to 22:13:40 UTC", ended.stderr)
    assert "  recorded in a.gz\n" in ended.stdout
    assert "2023-11-14 22:13:20 to 22:13:40 UTC (20 s)" in ended.stdout
    assert "0 quotes" in ended.stdout


@pytest.mark.full
def test_D8_run_on_a_crossed_recording_is_refused_with_its_place(tmp_path: Path) -> None:
    """Exit 2 before anything is traded, not a run that is "not proven clean"."""
    capture, file = tmp_path / "a.gz", tmp_path / "a.toml"
    capture.write_bytes(gzip.compress(b"".join([*whole(20), depth(21, 32, [("60002.0", "1")])])))
    file.write_text(CONFIGURATION.format(files=json.dumps([str(capture)])))
    ended = run(file)

    assert ended.returncode == 2
    assert f"{capture}:44: the book crosses itself here" in ended.stderr
