from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from perpmaker.cli import main
from perpmaker.clock import LoopClock
from perpmaker.errors import ExitCode, RecordingError
from perpmaker.model.order import Side
from perpmaker.sandbox.dialect import TestKeys
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.wire.memory import MemoryNetwork

STAMP = 1_700_000_000_000_000
CAPTURE = b"""\
%d {"lastUpdateId": 10, "bids": [["59999.0", "1"]], "asks": [["60001.0", "1"]]}
%d {"stream": "btcusdt@depth", "data": {"s": "BTCUSDT", "U": 11, "u": 12, "pu": 10, "b": [], "a": [], "E": 1, "T": 1}}
%d {"stream": "btcusdt@trade", "data": {"s": "BTCUSDT", "p": "60001.0", "q": "0.5", "m": false, "T": 2}}
""" % (STAMP, STAMP + 1_000_000, STAMP + 2_000_000)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A small capture."""
    file = tmp_path / "capture.gz"
    file.write_bytes(gzip.compress(CAPTURE))

    return file


def test_lines_can_be_read_again_and_again(capture: Path) -> None:
    """Each reading opens the file anew."""
    opened = open_capture(capture)
    assert b"".join(opened.lines()) == b"".join(opened.lines()) == CAPTURE


def test_file_that_cannot_be_read_is_said_in_words(tmp_path: Path, capture: Path) -> None:
    """Not there, a folder, no gzip, cut off, damaged, forbidden: the name, the reason, exit code 2."""
    whole = capture.read_bytes()
    (tmp_path / "plain.gz").write_bytes(b"no capture")
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b"")[:-4])
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "damaged.gz").write_bytes(whole[:30] + b"\xff" * 20 + whole[50:])
    (tmp_path / "pipe").symlink_to(tmp_path / "pipe")
    cases = {
        "absent.gz": "there is no such file",
        ".": "it is a folder",
        "plain.gz": "it is no capture",
        "empty.gz": "it is damaged or was cut off",
        "cut.gz": "it is damaged or was cut off",
        "damaged.gz": "it is damaged or was cut off",
        "pipe": "it cannot be read",
        "nul\0": "it cannot be read",
    }

    for name, words in cases.items():
        with pytest.raises(RecordingError) as refused:
            list(open_capture(tmp_path / name).lines())

        assert refused.value.exit_code is ExitCode.FILE
        assert str(refused.value).startswith(f"{tmp_path / name}: {words}")


def command(*words: str, cwd: Path, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """The command, to its end, which closing its input brings about once it serves."""
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "perpmaker", *words],
        check=False,
        cwd=cwd,
        env={**os.environ, "PERPMAKER_HOME": str(cwd / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def test_recordings_are_named_one_after_the_other(capture: Path) -> None:
    """`--recording FILE...` takes the files of a capture in order; the line says what is served."""
    later = capture.with_name("later.gz")
    rest = CAPTURE.splitlines(keepends=True)[1:]
    later.write_bytes(gzip.compress(rest[1].replace(str(STAMP + 2_000_000).encode(), str(STAMP + 9_000_000).encode())))
    words = ["sandbox", "binance_perpetual", "--until-stdin-closes", "--recording", capture.name, later.name]
    ended = command(*words, "--recording-start", "8.5", cwd=capture.parent)
    assert ended.returncode == 0, ended.stderr
    assert "recorded in capture.gz, later.gz;" in ended.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--recording", "capture.gz", "--recording-start", "2"],
            "recording_start = 2 is past its end: it is 2.0 s long",
        ),
        (["--recording", "capture.gz", "--recording-start", "-1"], "--recording-start"),
        (["--recording", "absent.gz"], "absent.gz: there is no such file"),
        (["--recording", "capture.gz", "capture.gz"], "capture.gz:1: this line cannot be used: it is older"),
        (["--recording", "capture.gz", "--market", "ETH-USDT"], "it is of the market 'BTCUSDT', not of ETHUSDT"),
        (["--recording-start", "2"], "--recording-start does nothing without --recording"),
        (["capture.gz"], "unexpected extra argument (capture.gz)"),
    ],
)
def test_what_cannot_be_replayed_is_refused_before_anything_starts(
    capture: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    """With words on standard error, nothing on standard output, and exit code 2."""
    monkeypatch.chdir(capture.parent)
    monkeypatch.setenv("PERPMAKER_HOME", str(capture.parent / "home"))

    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)

        with pytest.raises(SystemExit) as ended:
            main(["sandbox", "binance_perpetual", "--until-stdin-closes", *words])

    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_end_of_the_recording_is_said(capture: Path) -> None:
    """On standard error, while the sandbox goes on serving the market as it stands."""
    words = [sys.executable, "-m", "perpmaker", "sandbox", "binance_perpetual", "--recording", capture.name]
    pipe = subprocess.PIPE

    with subprocess.Popen(words, cwd=capture.parent, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "The recording has ended: the market stands still from now on.\n"
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.anyio
async def test_sandbox_serves_the_recording_and_tells_its_end(capture: Path, dialect: Any) -> None:
    """The book is the recorded one from the first moment on, and stays when there is no more."""
    told: list[str] = []
    wanted = SandboxSettings(venue="plain", recording=(capture,), recording_start=0.5)
    listener = await MemoryNetwork().listen()

    async with open_sandbox(dialect, wanted, clock=LoopClock(), listener=listener, tell=told.append) as sandbox:
        assert sandbox.line.recording == ("capture.gz",)
        assert sandbox.line.origin == "recorded in capture.gz"
        assert (sandbox.exchange.best(Side.BUY), sandbox.exchange.best(Side.SELL)) == ((599990, 1000), (600010, 1000))
        assert told == []
        await anyio.sleep(1.8)
        assert told == ["The recording has ended: the market stands still from now on."]
        assert sandbox.exchange.best(Side.SELL) == (600010, 500)


@pytest.mark.anyio
async def test_a_dialect_that_knows_no_recordings_says_so(capture: Path) -> None:
    """A venue's recorded streams are in its own words."""
    wordless: Any = SimpleNamespace(
        keys=TestKeys(api_key="key", api_secret="secret"), symbol=lambda market: market.replace("-", "")
    )
    wanted = SandboxSettings(venue="plain", recording=(capture,))
    listener = await MemoryNetwork().listen()

    with pytest.raises(RecordingError, match="the sandbox of plain replays no recordings"):
        async with open_sandbox(wordless, wanted, clock=LoopClock(), listener=listener):
            pass
