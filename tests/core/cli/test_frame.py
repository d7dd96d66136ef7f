"""The command's frame: what it imports, and how it ends."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from perpmaker.cli import COMMANDS, main, perpmaker
from perpmaker.errors import (
    ConfigurationError,
    ConnectivityError,
    ExitCode,
    LockedError,
    MarketRulesError,
    PerpmakerError,
    PluginError,
    Problem,
    RefusedError,
    StopNotProvenError,
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "perpmaker", *arguments]

    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603  # our own command


def test_help_imports_nothing_that_it_does_not_need() -> None:
    """Showing the help imports no network, no configuration, no plugin machinery and no other subcommand."""
    program = """
import sys
from perpmaker.cli import main
try:
    main(["--help"])
except SystemExit as ended:
    assert ended.code == 0, ended.code
heavy = {"httpx", "cattrs", "tomli", "pluggy", "msgspec", "anyio", "h11", "wsproto", "cryptography", "attrs"}
sys.stdout = sys.__stderr__
needed = {"perpmaker.cli.output", "perpmaker.cli.output_writer", "perpmaker.cli.unsaid"}
ours = [name for name in sys.modules if name.startswith("perpmaker.cli.") and name not in needed]
print(sorted(heavy & set(sys.modules)) + ours)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)  # noqa: S603  # our own command
    assert ended.stderr.splitlines()[-1] == "[]"


def test_importing_perpmaker_imports_nothing_else() -> None:
    """The public door costs next to nothing until a name is used."""
    program = "import sys, perpmaker; print([name for name in sys.modules if name.startswith('perpmaker.')])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)  # noqa: S603  # our own command
    assert ended.stdout.strip() == "[]"


def test_line_of_the_help_is_the_commands_own() -> None:
    """The help's lines, which are written down so that nothing is imported, say what the commands say themselves."""
    for name in COMMANDS:
        command = perpmaker.get_command(click.Context(perpmaker), name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").startswith(COMMANDS[name].removesuffix("."))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says on standard error that ends with exit code 2, in this process."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))

    assert ended.value.code == ExitCode.FILE

    return capsys.readouterr().err


def test_usage_error_ends_with_two_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command or option is a usage error: exit code 2."""
    for arguments in (("chek",), ("check",), ("check", "--nothing"), ("plugins", "too", "many")):
        said = refused(capsys, *arguments)
        assert "Usage: perpmaker" in said
        assert "Traceback" not in said


def test_usage_error_of_a_process_is_its_exit_code() -> None:
    """As a shell sees it."""
    ended = run("check", "--nothing")
    assert ended.returncode == ExitCode.FILE.value
    assert "Usage: perpmaker" in ended.stderr


def test_version_is_shown() -> None:
    """`--version` names command and version."""
    assert run("--version").stdout.startswith("perpmaker 0.")


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit code when a command raises."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(perpmaker, "main", fail)

    with pytest.raises(SystemExit) as ended:
        main([])

    assert isinstance(ended.value.code, int)

    return ended.value.code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError((Problem(file="a.toml", key="b", line=3, allowed="must be c"),)), 2),
        (PluginError("no such name"), 2),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [ConnectivityError("nobody there")])]), 4),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (LockedError("somebody else trades"), 2),
                (RefusedError("no", code="-2015"), 3),
                (MarketRulesError("too much"), 3),
                (ConnectivityError("nobody there"), 4),
                (StopNotProvenError("perhaps"), 5),
                (PerpmakerError("hm"), 1),
            )
        ),
    ],
)
def test_every_error_of_ours_is_its_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    """Our errors, also out of the groups of task groups, are said in their own words, without a traceback."""
    inner = error.exceptions[0].exceptions[0] if isinstance(error, ExceptionGroup) else error
    assert raising(monkeypatch, error) == code
    assert capsys.readouterr().err == f"{inner}\n"


def test_unexpected_error_is_our_bug_and_its_traceback_is_kept_privately(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Anything else is one line that says it is ours and where the traceback is; the file is only the owner's."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    assert raising(monkeypatch, ValueError("canary-4711")) == ExitCode.BUG.value
    said = capsys.readouterr().err
    (kept,) = (tmp_path / "home").glob("traceback-*.txt")
    assert said == f"This is a bug of perpmaker (ValueError); the traceback is in {kept}: please report it.\n"
    assert "canary-4711" in kept.read_text(encoding="utf-8")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (click.Abort(), 130), (SystemExit(5), 5)])
def test_ends_that_are_no_errors(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    """Ctrl-C and an exit code that somebody asked for are what they are."""
    assert raising(monkeypatch, error) == code


def test_F82_seconds_that_are_none_are_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A nan passes every comparison; nothing is read and nothing is sent."""
    for seconds in ("nan", "inf", "-inf", "0", "-1", "soon"):
        assert "Invalid value for '--for'" in refused(capsys, "run", str(tmp_path / "bot.toml"), f"--for={seconds}")
