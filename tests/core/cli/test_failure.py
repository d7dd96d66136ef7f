from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.cli.failure import explain
from perpmaker.errors import ConnectivityError, ExitCode, PluginError, RefusedError


def test_S19_what_a_venue_says_is_no_instruction_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """The last words of a command quote the venue, with its control characters shown instead of obeyed."""
    code = explain(RefusedError("no\x1b]0;owned\a\nway", code="-1"))

    assert code == ExitCode.REFUSED
    assert capsys.readouterr().err == "no\\x1b]0;owned\\x07\nway (code -1)\n"


def test_errors_of_several_tasks_are_each_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A group of errors is said line by line; the first one decides the exit code."""
    gone = ConnectivityError("gone")
    code = explain(
        ExceptionGroup("tasks", [gone, ExceptionGroup("more", [ConnectivityError("gone"), RefusedError("no")])])
    )

    assert code == ExitCode.UNREACHABLE
    assert capsys.readouterr().err == "gone\nno\n"


def test_a_plugins_traceback_is_kept_for_its_author(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No traceback on the terminal: it is in a file, which is named."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))
    error = PluginError("The connector a_venue failed at its start (KeyError: 'x').")
    error.__cause__ = KeyError("x")

    assert explain(error) == ExitCode.FILE

    said = capsys.readouterr().err.splitlines()
    assert said[0] == str(error)
    assert said[1].startswith("Its traceback is in ")
    assert "KeyError" in Path(said[1].removeprefix("Its traceback is in ").removesuffix(".")).read_text()
