from __future__ import annotations

import pytest

from perpmaker.cli.screen import Screen


def test_lines_that_stay_carry_the_time_and_obey_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    """What a venue says is data, never an instruction to a terminal; standard output stays free for the summary."""
    Screen(is_terminal=False).tell("refused: \x1b[2Jgone\a")
    output, errors = capsys.readouterr()

    assert output == ""
    assert errors[19:] == "Z refused: \\x1b[2Jgone\\x07\n"


def test_without_a_terminal_the_live_line_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Log files hold no escape sequences."""
    Screen(is_terminal=False).draw("sandbox BTC-USDT | ref 60000.0")

    assert "\x1b" not in capsys.readouterr().err


def test_on_a_terminal_the_line_is_drawn_over_and_cut_to_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, however long it is; what stays goes above it."""
    monkeypatch.setattr("perpmaker.cli.screen.terminal_columns", lambda: 21)
    screen = Screen(is_terminal=True)
    screen.draw("sandbox BTC-USDT | ref 60000.0")
    screen.tell("said")
    screen.draw("next")
    screen.close()
    shown = capsys.readouterr().err.split("\r")  # click leaves escape sequences out where there is no terminal

    assert shown[1] == "sandbox BTC-USDT | r"
    assert shown[2].endswith("Z said\n")
    assert shown[3] == "next\n"


def test_S19_the_drawn_line_obeys_no_control_character(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason of a halt may be a venue's text; on a terminal too it is shown, on one line."""
    monkeypatch.setattr("perpmaker.cli.screen.terminal_columns", lambda: 80)
    Screen(is_terminal=True).draw("live BTC-USDT | HALT (\x1b]0;owned\a\nnext)")

    assert capsys.readouterr().err.endswith("live BTC-USDT | HALT (\\x1b]0;owned\\x07 next)")
