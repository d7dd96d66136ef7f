"""`perpmaker record`: how it is asked for, how it ends, and what it says; what it writes is tested beside `capture`."""

from __future__ import annotations

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep, time_ns

import pytest

from perpmaker.cli import main
from perpmaker.cli.record_words import Recorded
from perpmaker.errors import RecordingError
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.simulation.recording_note import EndNote, parse_note
from perpmaker.simulation.recording_reader import read_market

NAME = ("--connector", "binance_perpetual", "--market", "BTC-USDT")
RUN = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "{market}"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 15
[binance_perpetual]
environment = "live"
api_key = "env:PERPMAKER_NOT_SET"
api_secret = "env:PERPMAKER_NOT_SET"
rest_url = "{url}"
stream_url = "{stream}"
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))


def config(tmp_path: Path, url: str, market: str = "BTC-USDT") -> Path:
    """A file of a live run, whose venue is on this machine and whose key nobody has."""
    file = tmp_path / "bot.toml"
    file.write_text(RUN.format(url=url, stream=url.replace("http", "ws"), market=market), encoding="utf-8")

    return file


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str, str]:
    """The exit code of the command, its results and what it said beside them."""
    with pytest.raises(SystemExit) as ended:
        main(["record", *map(str, words)])

    return ended.value.code, *capsys.readouterr()


def lines_of(file: Path) -> list[bytes]:
    """All lines, up to where the file was cut off."""
    found: list[bytes] = []

    try:
        found.extend(open_capture(file).lines())
    except RecordingError:
        assert found

    return found


def test_a_sandbox_is_recorded_and_summed_up(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox_url: str
) -> None:
    """With --json one object for programs on standard output, for a person plain lines beside it; exit code 0."""
    out = tmp_path / "out"
    words = (*NAME, "--out", out, "--sandbox-url", sandbox_url, "--for", 1, "--json")
    code, result, err = said(capsys, *words)
    told = json.loads(result)
    (file,) = out.iterdir()
    lines = lines_of(file)
    assert code == 0
    assert told["files"] == [file.name]
    assert told["bytes"] == file.stat().st_size
    assert told["messages"] == len(lines) - 2 > 5
    assert (told["gaps"], told["reconnects"], told["stop_reason"], told["error"]) == (0, 0, "--for", "")
    assert told["last_price"]
    assert parse_note(lines[-1].split(b" ", 1)[1]) == EndNote(reason="--for", messages=told["messages"])
    assert f"recording BTC-USDT on binance_perpetual (sandbox) into {out}: no key is used" in err
    assert "\r" not in err


def test_a_configuration_is_recorded_without_its_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox_url: str
) -> None:
    """The file of a live run says which market; the variables that its key refers to are not even there."""
    code, result, _ = said(capsys, config(tmp_path, sandbox_url), "--out", tmp_path / "out", "--for", 1)
    (file,) = (tmp_path / "out").iterdir()
    note = read_market([open_capture(file)])
    assert code == 0
    assert note is not None
    assert note.environment == "live"
    assert note.clock_ahead_ms is not None
    assert result.startswith("Recorded BTC-USDT on binance_perpetual (live): ")
    assert str(file) in result
    assert f"perpmaker sandbox binance_perpetual --market BTC-USDT --recording {file}" in result


def test_a_signal_ends_it_in_order(capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox_url: str) -> None:
    """Ctrl-C is the usual end: the file is ended, the summary says by what, and the exit code is 0."""
    out = tmp_path / "out"

    with in_the_meantime(out, lambda: os.kill(os.getpid(), signal.SIGINT)):
        code, result, _ = said(capsys, *NAME, "--out", out, "--sandbox-url", sandbox_url)

    (file,) = out.iterdir()
    assert code == 0
    assert "ended by SIGINT" in result
    assert isinstance(parse_note(lines_of(file)[-1].split(b" ", 1)[1]), EndNote)


@contextmanager
def in_the_meantime(folder: Path, do: Callable[[], object]) -> Iterator[None]:
    """Do something as soon as a file in the folder holds messages."""

    def wait() -> None:
        end_at = monotonic() + 30

        while monotonic() < end_at and not any(file.stat().st_size > 2_000 for file in folder.glob("*")):
            sleep(0.02)

        do()

    thread = threading.Thread(target=wait)
    thread.start()

    try:
        yield
    finally:
        thread.join()


@pytest.mark.full
def test_a_full_disk_ends_it_with_what_there_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox_url: str
) -> None:
    """The summary first, then file and reason, exit code 2; what was written before can be read."""
    before, out = resource.getrlimit(resource.RLIMIT_FSIZE), tmp_path / "out"
    words = (*NAME, "--out", out, "--sandbox-url", sandbox_url, "--compression", "none", "--json")
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, before[1]))

    try:
        code, result, err = said(capsys, *words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    (file,) = out.iterdir()
    assert code == 2
    assert json.loads(result)["error"].startswith(f"{file}: File too large: the recording ends here")
    assert f"{file}: File too large" in err
    assert len(lines_of(file)) > 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param((), "say what to record: a CONFIG, or --connector NAME with --market", id="nothing"),
        pytest.param(("--connector", "binance_perpetual"), "say what to record", id="no market"),
        pytest.param(("bot.toml", *NAME), "leave --connector and --market out", id="both"),
        pytest.param(
            (*NAME, "--environment", "live", "--sandbox-url", "http://127.0.0.1:1"), "is for a sandbox", id="url"
        ),
        pytest.param(("--connector", "binance", "--market", "BTC-USDT"), "binance_perpetual", id="unknown connector"),
        pytest.param((*NAME, "--for", "0"), "--for", id="no time"),
    ],
)
def test_a_slip_is_said_before_anything_is_begun(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    """Exit code 2, and no folder is made."""
    code, _, err = said(capsys, *words, "--out", tmp_path / "out")
    assert code == 2
    assert expected in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_said_before_the_venue_is_asked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file stands where the folder should be: exit code 2."""
    (tmp_path / "out").write_text("")
    code, _, err = said(capsys, *NAME, "--out", tmp_path / "out", "--sandbox-url", "http://127.0.0.1:1")
    assert code == 2
    assert "out: File exists" in err


def test_an_unknown_market_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox_url: str
) -> None:
    """Exit code 3, and no file is made."""
    file = config(tmp_path, sandbox_url, market="BTCC-USDT")
    code, result, err = said(capsys, file, "--out", tmp_path / "out")
    assert (code, result) == (3, "")
    assert "no perpetual market named 'BTCC-USDT'. Nearest: BTC-USDT" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_venue_that_cannot_be_reached_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 4, with the address."""
    code, _, err = said(capsys, config(tmp_path, "http://127.0.0.1:1"), "--out", tmp_path / "out")
    assert code == 4
    assert "127.0.0.1:1" in err


def test_a_sandbox_of_another_market_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sandbox_url: str
) -> None:
    """What serves there is not what was asked for."""
    other = ("--connector", "binance_perpetual", "--market", "ETH-USDT")
    code, _, err = said(capsys, *other, "--out", tmp_path / "out", "--sandbox-url", sandbox_url)
    assert code == 3
    assert "serves BTC-USDT of binance_perpetual, not ETH-USDT" in err


@pytest.mark.full
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_kill_loses_the_last_second_at_most(tmp_path: Path, compression: str) -> None:
    """SIGKILL in the middle: the file reads up to less than a second before, and plays."""
    out = tmp_path / "out"
    words = [sys.executable, "-m", "perpmaker", "record", *NAME, "--out", str(out), "--compression", compression]

    with subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        with in_the_meantime(out, lambda: sleep(3)):
            pass

        killed_ns = time_ns()
        process.kill()

    (file,) = out.iterdir()
    lines = lines_of(file)
    assert len(lines) > 40
    assert killed_ns - int(lines[-1].split()[0]) < 1_000_000_000
    assert lines[-1].endswith(b"\n")


@pytest.mark.full
@pytest.mark.parametrize("venue", ["binance_perpetual BTC-USDT", "bybit_perpetual BTC-USDT", "dydx_perpetual BTC-USD"])
def test_what_was_recorded_is_traded(capsys: pytest.CaptureFixture[str], tmp_path: Path, venue: str) -> None:
    """A sandbox that the command starts, recorded for some seconds, and a bot that trades what was recorded."""
    name, market = venue.split()
    code, *_ = said(capsys, "--connector", name, "--market", market, "--out", tmp_path / "out", "--for", 6)
    assert code == 0
    (recorded,) = (tmp_path / "out").iterdir()
    file = tmp_path / "bot.toml"
    text = RUN.format(url="", stream="", market=market).partition("[binance_perpetual]")[0]
    file.write_text(f'{text.replace("binance_perpetual", name)}[sandbox]\nrecording = ["{recorded}"]\n', "utf-8")

    with pytest.raises(SystemExit) as ended:
        main(["run", str(file), "--json"])

    result = capsys.readouterr().out
    assert ended.value.code == 0
    assert json.loads(result)["stop_reason"] == "recording ended"


def test_what_is_said_to_be_typed_next_can_be_typed() -> None:
    """A folder with a space, or with what a shell takes for its own, is quoted."""
    recorded = Recorded(
        connector="binance_perpetual",
        environment="sandbox",
        market="BTC-USDT",
        seconds=1.0,
        messages=1,
        bytes=1,
        gaps=0,
        reconnects=0,
        last_price="1",
        folder="my <data>",
        files=("a.gz",),
        stop_reason="--for",
        error="",
    )
    *_, play, trade = recorded.as_text().splitlines()
    assert shlex.split(play)[-1] == shlex.split(trade)[-1] == "my <data>/a.gz"
