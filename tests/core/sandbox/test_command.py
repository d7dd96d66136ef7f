"""The command `perpmaker sandbox`, as a process of its own: what it prints, and every way in which it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from perpmaker.cli import main
from perpmaker.sandbox.server import SandboxLine

VENUE = "binance_perpetual"
PATIENCE_S = 300


@contextmanager
def started(*options: str) -> Iterator[subprocess.Popen[str]]:
    """The command, with pipes for all that it reads and says; killed when a test leaves it running."""
    words = [sys.executable, "-m", "perpmaker", "sandbox", *options]
    pipe = subprocess.PIPE

    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603  # our own
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    """What it says when it is ready."""
    assert process.stdout is not None

    return process.stdout.readline()


def test_child_says_one_json_line_and_ends_with_its_standard_input() -> None:
    """The line decodes into what a run needs, and a parent that dies takes the sandbox with it."""
    with started(VENUE, "--json", "--seed", "7", "--until-stdin-closes") as process:
        line = msgspec.json.decode(first_line(process), type=SandboxLine)
        assert (line.venue, line.market, line.seed) == (VENUE, "BTC-USDT", 7)
        assert line.url.startswith("http://127.0.0.1:")
        assert process.poll() is None

        rest, complaints = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, rest, complaints) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_in_order(number: signal.Signals) -> None:
    """Ctrl-C and a polite kill end it with 0 and without a traceback."""
    with started(VENUE) as process:
        assert "test keys" in first_line(process)
        process.send_signal(number)

        _, complaints = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, complaints) == (0, "")


def test_what_it_cannot_serve_is_said_before_it_starts(capsys: pytest.CaptureFixture[str]) -> None:
    """A taken port, an unknown market and a balance that is none are refused with words and an exit code."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = [
            (["--port", port], 2, port),
            (["--market", "DOGE-USDT"], 3, "BTC-USDT"),
            (["--balance", "-1"], 2, "not above 0"),
        ]

        for options, code, words in cases:
            with pytest.raises(SystemExit) as ended:
                main(["sandbox", VENUE, *options])

            shown = capsys.readouterr()
            assert ended.value.code == code
            assert shown.out == ""
            assert words in shown.err
            assert "Traceback" not in shown.err
