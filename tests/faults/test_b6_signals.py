"""B6: an interruption before anything was sent is silent and exit code 130; what is ignored stays ignored."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from perpmaker.cli.handle import Handle, watch_signals
from perpmaker.cli.run_end import Course
from perpmaker.errors import ExitCode

EXAMPLE = Path(__file__).parents[1] / "practice.toml"

INTERRUPTED_AT_IMPORT = """
import os, signal, sys

where = sys.argv.pop(1)

class Interruption:
    def find_spec(self, name, path=None, target=None):
        if name == where:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interruption())
from perpmaker.__main__ import main
main()
"""
"""The command, interrupted when it comes to import a module."""


def interrupted(where: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The end of a command that Ctrl-C met at the import of a module."""
    return subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", INTERRUPTED_AT_IMPORT, where, *words],
        env={"PERPMAKER_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("where", "words"),
    [
        pytest.param("click", ("run", str(EXAMPLE)), marks=pytest.mark.full),
        pytest.param("perpmaker.cli.run", ("run", str(EXAMPLE)), marks=pytest.mark.full),
        pytest.param("perpmaker_binance_perpetual", ("run", str(EXAMPLE)), marks=pytest.mark.full),
        ("perpmaker.launch.launch", ("run", str(EXAMPLE))),
        pytest.param("perpmaker.cli.check", ("check", str(EXAMPLE)), marks=pytest.mark.full),
        ("perpmaker.launch.preflight", ("check", str(EXAMPLE))),
        ("perpmaker_binance_perpetual", ("plugins",)),
        pytest.param("perpmaker.cli.plugins", ("plugins",), marks=pytest.mark.full),
        pytest.param("perpmaker.cli.sandbox", ("sandbox", "binance_perpetual"), marks=pytest.mark.full),
        ("perpmaker_binance_perpetual.sandbox.venue", ("sandbox", "binance_perpetual")),
    ],
    ids=str,
)
def test_B6_an_interruption_while_a_command_begins_is_silent(
    tmp_path: Path, where: str, words: tuple[str, ...]
) -> None:
    """Whatever it is about to import: no traceback, no word, nothing on standard output, and exit code 130."""
    ended = interrupted(where, *words, home=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
    assert not list(tmp_path.glob("journal/*"))


@pytest.mark.anyio
@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
async def test_B6_what_is_ignored_stays_so(ignored: signal.Signals) -> None:
    """Below nohup a closed terminal ends nothing; the other signals still do."""
    before = signal.signal(ignored, signal.SIG_IGN)

    try:
        async with anyio.create_task_group() as group:
            handle = Handle(close=False, seconds=None, scope=anyio.CancelScope())
            await group.start(watch_signals, handle)
            signal.raise_signal(ignored)
            await anyio.sleep(0.05)
            assert not handle.stop_reason
            signal.raise_signal(signal.SIGTERM)
            await anyio.sleep(0.05)
            assert handle.stop_reason == "signal"
            group.cancel_scope.cancel()
    finally:
        signal.signal(ignored, before)


class Broken:
    """As much of a bot as an end by an error looks at."""

    def __init__(self, unproven: str | None) -> None:
        self.unproven = unproven


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0)], ids=repr)
def test_B6_interrupted_before_anything_was_sent_is_said_of_nothing_else(error: BaseException) -> None:
    """Once there is a bot, what ends the run is our mistake, or not proven clean, and never 130 or 0."""
    course = Course()
    assert course.judge(error) is error
    course.bot = Broken(None)  # type: ignore[assignment]
    assert isinstance(course.judge(BaseExceptionGroup("", [error])), RuntimeError)
    course.bot = Broken("a quote is left")  # type: ignore[assignment]
    honest = course.judge(BaseExceptionGroup("", [error]))
    assert getattr(honest, "exit_code", None) is ExitCode.NOT_PROVEN_CLEAN
    assert "a quote is left" in str(honest)
