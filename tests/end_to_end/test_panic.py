"""`perpmaker panic` from a second shell: a bot that really hangs is ended, and no quote of it is left on the venue."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

FILE = Path(__file__).parents[1] / "practice.toml"
WIDE = ("--set", "bid_spread=0.5", "--set", "ask_spread=0.5", "--set", "dead_man_switch_s=0")
BUSY = """
import re, sys, threading, time
from perpmaker.cli import main
def hang():
    time.sleep({after_s})
    re.match("(a+)+$", "a" * 60 + "b")  # holds the interpreter: no signal, no task and no thread gets a turn
threading.Thread(target=hang, daemon=True).start()
main(sys.argv[1:])
"""


@contextmanager
def started(home: Path, *words: str, program: tuple[str, ...] = ("-m", "perpmaker")) -> Iterator[subprocess.Popen[str]]:
    """A process of its own; whatever is left of it is killed."""
    with subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, *program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PERPMAKER_HOME": str(home)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address(sandbox: subprocess.Popen[str]) -> str:
    """Where a sandbox says that it serves."""
    assert sandbox.stdout is not None
    found = re.search(r"http://127[0-9.:]*", sandbox.stdout.readline())
    assert found is not None

    return found[0]


def heard(process: subprocess.Popen[str], wanted: Callable[[str], bool], within_s: float = 300.0) -> None:
    """Read what a process says until a line is as wanted."""
    assert process.stderr is not None
    until = time.monotonic() + within_s

    while not wanted(line := process.stderr.readline()):
        assert line, "it has ended"
        assert time.monotonic() < until


def panicked(home: Path, *words: str) -> Any:
    """Call it, and return what it answers."""
    ended = subprocess.run(  # noqa: S603  # the same
        [sys.executable, "-m", "perpmaker", "panic", *words, "--yes", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PERPMAKER_HOME": str(home)},
    )
    assert ended.returncode == 0, ended.stderr

    return json.loads(ended.stdout)


def test_a_stopped_bot_is_ended_with_no_quote_left(tmp_path: Path) -> None:
    """It is named by the stem of its file, as status does."""
    with started(tmp_path, "sandbox", "binance_perpetual", "--seed", "1") as sandbox:
        url = address(sandbox)

        with started(tmp_path, "run", str(FILE), *WIDE, "--sandbox-url", url) as bot:
            heard(bot, lambda line: re.search(r"quotes [0-9.]+/[0-9.]+", line) is not None)
            os.kill(bot.pid, signal.SIGSTOP)
            (case,) = panicked(tmp_path, "practice")["bots"]

            assert (case["pid"], case["quotes"], case["unproven"]) == (bot.pid, 0, None)
            assert bot.wait(300) == -signal.SIGKILL


@pytest.mark.full
def test_a_bot_in_an_endless_loop_is_ended_with_no_quote_left_whatever_its_journal_says(tmp_path: Path) -> None:
    """Nothing in its process gets a turn any more, and its journal is no journal."""
    with started(tmp_path, "sandbox", "binance_perpetual", "--seed", "1") as sandbox:
        url = address(sandbox)
        words = ("run", str(FILE), *WIDE, "--sandbox-url", url)

        with started(tmp_path, *words, program=("-c", BUSY.format(after_s=12))) as bot:
            time.sleep(15)

            for journal in (tmp_path / "journal").glob("*.sqlite3*"):
                journal.write_bytes(b"nothing that anybody could read" * 500)

            (case,) = panicked(tmp_path, "--all", "--close", "--sandbox-url", url)["bots"]

            assert (case["quotes"], case["positions"], case["unproven"]) == (0, [], None)
            assert bot.wait(300) == -signal.SIGKILL

        (again,) = panicked(tmp_path, str(FILE))["bots"]
        assert (again["pid"], again["quotes"]) == (None, 0)
