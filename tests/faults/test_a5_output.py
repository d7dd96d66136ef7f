"""A5, B4, B6, B14: no terminal, pipe, disk or signal stops a run without its protection, and none blocks it."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.output_writer import MOST_BYTES, Writer

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "practice.toml"
COMMAND = (sys.executable, "-m", "perpmaker")


@contextmanager
def started(*words: str, home: Path, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A command of perpmaker's as a process, killed at the end where it is still there."""
    environ = os.environ | {"PERPMAKER_HOME": str(home)}

    with subprocess.Popen([*COMMAND, *words], env=environ, **streams) as process:  # noqa: S603  # ours
        try:
            yield process
        finally:
            process.kill()


def wait_for_trading(home: Path, within_s: float = 300.0) -> None:
    """Wait until a run has recorded that it sends orders: by then every page and line of its start has been written."""
    until = time.monotonic() + within_s

    while time.monotonic() < until:
        for file in (home / "journal").glob("*.sqlite3"):
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as journal, suppress(sqlite3.Error):
                if journal.execute("SELECT COUNT(*) FROM row WHERE kind = 'intent'").fetchone()[0]:
                    return

        time.sleep(0.1)

    raise AssertionError("the run did not begin to trade")


def fill(pipe: int) -> None:
    """Write to a pipe until it takes no more."""
    os.set_blocking(pipe, False)

    with suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x" * 4_096)

    os.set_blocking(pipe, True)


def test_A5_putting_never_blocks_and_what_nobody_takes_is_counted() -> None:
    """To a pipe that nobody reads everything is put at once, and what is too much is dropped and counted."""
    reading, writing = os.pipe()
    fill(writing)
    writer = Writer(writing)

    for _ in range(3 * MOST_BYTES // 1000):
        writer.put(b"x" * 999 + b"\n")

    assert writer.dropped > MOST_BYTES // 1000
    assert not writer.is_idle
    writer.close(0.2)
    assert writer.fault is not None
    os.close(reading)


@pytest.mark.parametrize("code", [errno.EPIPE, errno.EIO, errno.EBADF])
def test_A5_a_reader_that_is_gone_loses_lines_and_nothing_else(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A closed pipe, a lost terminal, a closed descriptor: the lines are dropped, and writing goes on."""
    writes: list[bytes] = []

    def write(_: int, content: bytes) -> int:
        if not writes:
            writes.append(b"")
            raise OSError(code, os.strerror(code))

        writes.append(bytes(content))
        return len(content)

    monkeypatch.setattr("perpmaker.cli.output.os.write", write)
    writer = Writer(99)
    writer.put(b"one\n")

    while not writer.is_idle:
        time.sleep(0.001)

    writer.put(b"two\n")
    writer.close(None)
    assert b"".join(writes) == b"... 1 lines were dropped, because nothing took them\ntwo\n"


@pytest.mark.full
def test_A5_a_run_whose_pipe_nobody_reads_trades_and_ends_cleanly(tmp_path: Path) -> None:
    """It trades, and stops at a signal within seconds, with exit code 0."""
    reading, writing = os.pipe()
    fill(writing)

    try:
        with started("run", str(EXAMPLE), home=tmp_path, stdout=writing, stderr=writing) as process:
            wait_for_trading(tmp_path)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=300) == 0
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.full
@pytest.mark.parametrize("wait_s", [0.05, 0.15, 0.3, 0.45])
@pytest.mark.parametrize("command", ["run", "check"])
def test_B6_an_interruption_in_the_first_half_second_is_silent(tmp_path: Path, command: str, wait_s: float) -> None:
    """Exit code 130, no traceback, nothing said; test_b6_signals.py has the exact moments."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    with started(command, str(EXAMPLE), home=tmp_path, **streams) as process:
        time.sleep(wait_s)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=300)

    if wait_s > 0.1:  # before that Python itself may be what is interrupted
        assert process.returncode == 130

    assert b"Traceback" not in errors or wait_s <= 0.1
    assert output == b""


@pytest.mark.full
def test_B4_what_a_plugin_prints_is_no_result(tmp_path: Path) -> None:
    """A plugin that prints when it is imported, also past Python's streams, breaks neither --json nor the sandbox."""
    package = tmp_path / "noisy"
    (package / "noisy-1.0.dist-info").mkdir(parents=True)
    (package / "noisy.py").write_text(
        textwrap.dedent(
            """
            import os
            print("a plugin says hello")
            os.write(1, b"and so does its C code\\n")
            __plugin_api__ = 1
            """
        )
    )
    (package / "noisy-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1.0\n")
    (package / "noisy-1.0.dist-info" / "entry_points.txt").write_text("[perpmaker]\nnoisy = noisy\n")
    environ = os.environ | {"PERPMAKER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(package)}
    words = [*COMMAND, "run", str(EXAMPLE), "--for", "3", "--json"]
    done = subprocess.run(words, env=environ, capture_output=True, timeout=300, check=False)  # noqa: S603  # ours

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["environment"] == "sandbox"
    assert b"a plugin says hello" in done.stderr
    assert b"and so does its C code" in done.stderr


def test_B14_results_that_cannot_be_written_are_said_in_words(tmp_path: Path) -> None:
    """Standard output on a full disk: one line and exit code 2, no traceback."""
    full = os.open("/dev/full", os.O_WRONLY)

    try:
        with started("plugins", home=tmp_path, stdout=full, stderr=subprocess.PIPE) as process:
            _, errors = process.communicate(timeout=300)
    finally:
        os.close(full)

    assert process.returncode == 2
    assert errors.decode().splitlines() == ["Standard output could not be written: No space left on device."]


@pytest.mark.parametrize("missing", ["stdin", "stdout", "stderr"])
def test_A5_a_standard_descriptor_that_is_missing_is_no_fault(tmp_path: Path, missing: str) -> None:
    """Started without one of the three, a command does its work and shows no traceback."""
    number = ("stdin", "stdout", "stderr").index(missing)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | (
        {missing: subprocess.DEVNULL} if missing != "stdin" else {}
    )

    with started("plugins", home=tmp_path, preexec_fn=lambda: os.close(number), **streams) as process:
        output, errors = process.communicate(timeout=300)

    assert process.returncode == 0
    assert b"Traceback" not in (errors or b"")
    assert b"binance_perpetual" in (output or b"binance_perpetual")


@pytest.mark.full
def test_A5_a_slow_reader_gets_all_results(tmp_path: Path) -> None:
    """A pager that is left open for longer than an end waits for messages loses nothing of what was asked for."""
    with started("plugins", "--json", home=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(3)
        output, _ = process.communicate(timeout=300)

    assert process.returncode == 0
    assert json.loads(output)


@pytest.mark.full
def test_A5_a_terminal_that_vanishes_does_not_end_a_run(tmp_path: Path) -> None:
    """The line is drawn when the other end of the terminal is closed: the run goes on, and stops cleanly when asked."""
    outer, inner = os.openpty()

    with started("run", str(EXAMPLE), home=tmp_path, stdout=inner, stderr=inner, start_new_session=True) as process:
        os.close(inner)
        wait_for_trading(tmp_path)
        os.close(outer)
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=300) == 0


def test_B14_a_state_directory_of_nobody_is_said_in_words() -> None:
    """PERPMAKER_HOME names the home of a user who is not there: exit code 2, and what to write."""
    home = Path("~nosuchuser/x")

    with started("check", str(EXAMPLE), home=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _, errors = process.communicate(timeout=300)

    assert process.returncode == 2
    assert b"PERPMAKER_HOME = ~nosuchuser/x: names the home of a user who is not there" in errors


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("pipe closed", marks=pytest.mark.full),
        "disk full",
        pytest.param("terminal stopped", marks=pytest.mark.full),
        pytest.param("terminal closed", marks=pytest.mark.full),
    ],
)
def test_A5_a_run_whose_output_nothing_takes_trades_and_keeps_how_it_ended(tmp_path: Path, kind: str) -> None:
    """It trades, stops at a signal within seconds, with exit code 0, and its summary is in the state directory."""
    outer, inner = os.openpty() if kind.startswith("terminal") else os.pipe()

    if kind == "disk full":
        inner = os.open("/dev/full", os.O_WRONLY)

    with started("run", str(EXAMPLE), home=tmp_path, stdout=inner, stderr=inner) as process:
        if kind == "terminal stopped":
            termios.tcflow(inner, termios.TCOOFF)

        if kind.endswith("closed"):
            os.close(outer)

        wait_for_trading(tmp_path)
        assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=300) == 0

    (file,) = tmp_path.glob("unsaid-*.txt")
    text = file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert text.startswith("At 20")
    assert "stopped by      signal" in text
    assert "\x1b" not in text


@pytest.mark.full
def test_A5_the_next_run_says_where_the_end_of_the_last_is_kept(tmp_path: Path) -> None:
    """Its lines are named on standard error, and a run whose lines were taken leaves none."""
    file = tmp_path / "unsaid-20261130T100000-7.txt"
    file.write_text("At 2026-11-30 10:00:00Z nobody took what perpmaker wrote", encoding="utf-8")
    words = [*COMMAND, "run", str(EXAMPLE), "--for", "1"]
    environ = os.environ | {"PERPMAKER_HOME": str(tmp_path)}
    done = subprocess.run(words, env=environ, capture_output=True, timeout=300, check=False)  # noqa: S603  # ours
    assert f"its last lines are in {file}" in done.stderr.decode()
    assert len(list(tmp_path.glob("unsaid-*.txt"))) == 1
