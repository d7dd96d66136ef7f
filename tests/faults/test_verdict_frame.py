"""Nothing of the frame around a run replaces the verdict of the run: not its exit code, and not its words."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from perpmaker.cli.failure import explain
from perpmaker.cli.last_words import say_outcome
from perpmaker.cli.output import escaped
from perpmaker.cli.output_writer import Writer
from perpmaker.cli.run_end import Course, Ended
from perpmaker.errors import ConnectivityError, ExitCode, PluginFaultError, TaskEndedError
from perpmaker.watchdog import Watchdog


class Page:
    """As much of a summary as is written."""

    def as_json(self) -> str:
        """The text of a plugin in it."""
        return '{"halted":"\x1b[2J\u202e\x7f"}'


def ended(*, unproven: str | None = None, halted: str | None = None) -> Ended:
    """The end of a run."""
    return Ended(
        summary=cast("Any", Page()), page="the page", unproven=unproven, halted=halted, halt_code=ExitCode.PLUGIN
    )


def code_of(end: Ended, beside: BaseException | None, *, as_json: bool = False) -> int:
    """The exit code of a run that ended so."""
    try:
        say_outcome(Course(ended=end, error=beside), as_json=as_json)
    except BaseException as error:  # noqa: BLE001  # as the command's outermost place
        return explain(error)

    return 0


BESIDE: tuple[BaseException, ...] = (
    FileNotFoundError(2, "No such file or directory"),
    OSError(24, "Too many open files"),
    TypeError("ours"),
    PluginFaultError("the connector tide failed in close (KeyError)"),
    KeyboardInterrupt(),
    BaseExceptionGroup("", [SystemExit(0)]),
)


@pytest.mark.parametrize("beside", BESIDE, ids=repr)
def test_verdict_that_is_not_clean_keeps_its_code(
    beside: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever goes wrong after the end, the page and the verdict are said first, and its exit code stands."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))
    assert code_of(ended(unproven="1 quote is left"), beside) == ExitCode.NOT_PROVEN_CLEAN
    said = capsys.readouterr()
    assert said.out == "the page\n"
    assert said.err.startswith("stopped, but not proven clean: 1 quote is left.")
    assert code_of(ended(halted="the module failed"), beside) == ExitCode.PLUGIN
    assert capsys.readouterr().err.startswith("it was halted: the module failed\n")


def test_verdict_that_is_clean_stays_clean_where_the_machine_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A directory that is gone makes no clean end an error of the program; it is told."""
    assert code_of(ended(), FileNotFoundError(2, "No such file or directory", "stacks.txt")) == 0
    said = capsys.readouterr()
    assert said.out == "the page\n"
    assert "It ended clean" in said.err
    assert "stacks.txt" in said.err


def test_verdict_stands_although_it_could_not_be_summed_up() -> None:
    """What could not be proven is known before the summary is made, and outlives an error in making it."""
    course = Course(bot=cast("Any", type("Bot", (), {"unproven": None})()), unproven="1 quote is left")
    honest = course.judge(OSError(24, "Too many open files"))
    assert getattr(honest, "exit_code", None) is ExitCode.NOT_PROVEN_CLEAN
    assert "1 quote is left" in str(honest)


def test_verdict_of_a_run_whose_directory_is_gone(tmp_path: Path) -> None:
    """The watchdog's file is gone with the state directory: it ends all the same."""
    with Watchdog(lambda _: None) as watchdog:
        (tmp_path / "home").mkdir()
        watchdog.keep_stacks(tmp_path / "home")
        shutil.rmtree(tmp_path / "home")


NO_DESCRIPTORS = """
import resource
from perpmaker import cli
from perpmaker.cli.failure import explain
from perpmaker.cli.last_words import say_outcome
from perpmaker.errors import StopNotProvenError

def run(arguments):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return explain(BaseExceptionGroup("", [StopNotProvenError("1 quote is left"), TypeError("ours")]))

cli._run = run
cli.main([])
"""


def test_verdict_of_a_process_that_may_open_no_more_files(tmp_path: Path) -> None:
    """No traceback can be written, and no null device opened: words and exit code are those of the end."""
    done = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", NO_DESCRIPTORS],
        env={"PERPMAKER_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()[0]) == (5, "1 quote is left")
    assert "Traceback" not in done.stderr


def test_verdict_is_not_lost_to_a_thread_that_outlives_it() -> None:
    """A thread of ours that still runs when the interpreter ends aborts a process without file descriptors."""
    reading, writing = os.pipe()
    writer = Writer(writing)
    writer.put(b"last words")
    writer.close(1.0)
    assert not writer._thread.is_alive()
    assert os.read(reading, 64) == b"last words"
    os.close(reading)
    os.close(writing)


def test_verdict_where_no_folder_takes_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither the state directory nor one for temporary files can be made."""

    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    (tmp_path / "file").touch()
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert explain(KeyError("x")) == ExitCode.BUG
    assert "its traceback could not be written" in capsys.readouterr().err


# --- a run that somebody inside of the process has ended


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_cancelled_run_is_no_bug_of_ours(
    seconds: float | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`asyncio.all_tasks()` cancelled by a plugin: a run with or without an end says that it was cancelled."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))
    course = Course(bot=cast("Any", type("Bot", (), {"unproven": None})()))
    assert explain(course.unasked(seconds, 20)) == ExitCode.PLUGIN
    said = capsys.readouterr().err
    assert "the tasks of the run were cancelled" in said
    assert "bug of perpmaker" not in said


def test_cancelled_start_without_an_end_is_no_venue_out_of_reach() -> None:
    """Only a start with a time to begin in can have missed it."""
    assert isinstance(Course().unasked(None, 20), TaskEndedError)
    assert isinstance(Course().unasked(5.0, 20), ConnectivityError)


@pytest.mark.parametrize("unproven", [None, "1 quote is left"])
def test_stopped_loop_is_no_bug_of_ours(
    unproven: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`loop.stop()` by a plugin, in the words of the event loop that is installed here."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))

    async def stopped() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(1)

    with pytest.raises(RuntimeError) as caught:
        anyio.run(stopped)

    course = Course(bot=cast("Any", type("Bot", (), {"unproven": unproven})()))
    assert explain(course.judge(caught.value)) == (ExitCode.PLUGIN if unproven is None else ExitCode.NOT_PROVEN_CLEAN)
    said = capsys.readouterr().err
    assert "bug of perpmaker" not in said
    assert ("the event loop of the run was stopped" if unproven is None else unproven) in said


# --- text of others


RAW = "ValueError: \x1b]0;owned\x07\x1b[2J\u202e\x9b1m\x7f"


@pytest.mark.parametrize("as_json", [False, True])
def test_text_of_a_plugin_is_no_instruction_to_a_terminal(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    """The last words of a run, and the JSON object: what would steer a terminal is written out."""
    assert code_of(ended(halted=RAW), None, as_json=as_json) == ExitCode.PLUGIN
    said = capsys.readouterr()
    assert all(sign.isprintable() or sign == "\n" for sign in said.out + said.err)
    assert "\\x1b]0;owned\\x07" in said.err

    if as_json:
        assert said.out == '{"halted":"\\u001b[2J\\u202e\\u007f"}\n'


def test_text_beyond_the_basic_plane_stays_json() -> None:
    """A sign that takes two halves in JSON; signs that can be shown are left as they are."""
    assert escaped('{"a":"\U000e0001 é 中"}', as_json=True) == '{"a":"\\udb40\\udc01 é 中"}'
