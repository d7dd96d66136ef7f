from __future__ import annotations

import re

import pytest

from perpmaker.cli.market_screens import MarketScreen
from perpmaker.cli.screen import HELD, Screen, painted
from perpmaker.cli.unsaid import DRAWN_OVER, Unsaid


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


class Terminal:
    """What a terminal of a size shows of what is written to it: of its sequences those that the screen draws with."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines = [""]
        self.row = 0

    def feed(self, text: str) -> None:
        """Take in what is written."""
        for found in re.finditer(r"\x1b\[(\??)(\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+", text):
            private, number, what = found.groups()

            if found[0] == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif found[0] == "\r" or private:
                pass
            elif what == "A":
                self.row -= int(number)
                assert self.row >= max(0, len(self.lines) - self.rows), "it went above what is shown"
            elif what == "K":
                pass  # the text of a line has replaced all of it already
            elif what == "H":
                self.row = max(0, len(self.lines) - self.rows)
            elif what == "J" and number == "2":
                del self.lines[max(0, len(self.lines) - self.rows) :]
                self.row = len(self.lines)
                self.lines.append("")
            elif what == "J":
                del self.lines[self.row + 1 :]
                self.lines[self.row] = ""
            elif what != "m":
                assert len(found[0]) <= self.columns, found[0]
                self.lines[self.row] = found[0]

    @property
    def shown(self) -> list[str]:
        """All lines from the first on, without the empty one that the cursor is in."""
        return self.lines[:-1] if self.lines[-1] == "" else self.lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 60 columns and 14 rows that stands in for standard error."""
    terminal = Terminal(60, 14)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("perpmaker.cli.screen.terminal_size", lambda: (terminal.columns, terminal.rows))

    def echo(text: str, *, err: bool, nl: bool = True) -> None:
        assert err
        terminal.feed(text + ("\n" if nl else ""))

    monkeypatch.setattr("perpmaker.cli.screen.click.echo", echo)

    return terminal


def told(lines: list[str]) -> list[str]:
    """Lines without their times."""
    return [line.partition("Z ")[2] if line[2:3] == ":" else line for line in lines]


def test_a_page_is_drawn_over_the_one_before_whatever_their_lengths(terminal: Terminal) -> None:
    """Nothing of a longer page is left below a shorter one, and what was said before stays above."""
    screen = Screen(is_terminal=True)
    screen.tell("before")
    screen.draw("a line")
    screen.draw_page([f"first {number}" for number in range(9)])
    assert told(terminal.shown) == ["before", *(f"first {number}" for number in range(9))]
    screen.draw_page(["second 0", "second 1"])
    assert told(terminal.shown) == ["before", "second 0", "second 1"]
    screen.draw_page([f"third {number}" for number in range(30)])
    assert told(terminal.shown) == ["before", *(f"third {number}" for number in range(13))]


def test_what_is_told_meanwhile_is_written_out_once_the_page_is_gone(terminal: Terminal) -> None:
    """A page is replaced by the lines that were told, which a summary follows; or left below them."""
    screen = Screen(is_terminal=True)
    screen.draw_page(["page"])
    screen.tell("bought")
    screen.tell("sold")
    assert terminal.shown == ["page"]
    assert [text for _, text in screen.told] == ["bought", "sold"]
    screen.close()
    assert told(terminal.shown) == ["bought", "sold"]
    screen.close()
    screen.draw_page(["page"])
    screen.tell("halted")
    screen.close(leave=True)
    assert told(terminal.shown) == ["bought", "sold", "halted", "page"]


def test_of_many_lines_the_last_are_kept_and_the_rest_is_counted(terminal: Terminal) -> None:
    """A run of weeks keeps no more than a screen's history, and says what is missing."""
    screen = Screen(is_terminal=True)
    screen.draw_page(["page"])

    for number in range(HELD + 5):
        screen.tell(f"line {number}")

    screen.close()
    assert told(terminal.shown)[:2] == ["... 5 earlier lines are left out", "line 5"]
    assert len(terminal.shown) == HELD + 1


def test_a_terminal_of_another_size_is_drawn_anew(terminal: Terminal) -> None:
    """It has broken the old lines as it likes: the screen is cleared, and the page fits the new size."""
    screen = Screen(is_terminal=True)
    screen.draw_page(["x" * 70 for _ in range(5)])
    assert terminal.shown == ["x" * 59] * 5
    terminal.columns, terminal.rows = 50, 20
    terminal.lines[:] = [*(["x" * 50, "x" * 9] * 5), ""]
    terminal.row = 10
    screen.draw_page(["y" * 70 for _ in range(3)])
    assert terminal.shown == ["y" * 49] * 3


def test_a_terminal_that_becomes_too_small_gets_the_line(terminal: Terminal) -> None:
    """And pages again once it has room; one that cannot draw gets none."""
    screen = Screen(is_terminal=True)
    assert screen.takes_pages
    screen.draw_page(["page"])
    screen.tell("bought")
    terminal.rows = 11
    assert not screen.takes_pages
    screen.draw("the line")
    assert told(terminal.lines) == ["bought", "the line"]
    terminal.rows, terminal.columns = 12, 39
    assert not screen.takes_pages
    terminal.columns = 40
    assert screen.takes_pages
    assert not Screen(is_terminal=False).takes_pages


def test_nothing_is_drawn_for_a_terminal_that_takes_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stalled terminal gets no queue of old pages; lines that were told are kept for later."""
    screen = Screen(is_terminal=True)
    screen.draw_page(["old"])
    monkeypatch.setattr(Screen, "is_idle", False)
    screen.draw_page(["new"])
    screen.draw("line")
    assert terminal.shown == ["old"]
    monkeypatch.setattr(Screen, "is_idle", True)
    screen.draw_page(["newest"])
    assert terminal.shown == ["newest"]


def test_S19_a_page_obeys_no_control_character(terminal: Terminal) -> None:
    """What a venue says is shown; one line stays one line, however its text is broken."""
    screen = Screen(is_terminal=True)
    screen.draw_page(["refused: \x1b[2Jgone\a", "two\nlines"])
    assert terminal.shown == ["refused: \\x1b[2Jgone\\x07", "two", "lines"]


def test_colours_are_for_money_and_a_halt_and_none_for_who_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profit green, loss and halt red; what was told has no colours of ours; NO_COLOR and a dumb terminal have none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    lines = {
        "live binance BTC-USDT  HALT  for 3 s": "live binance BTC-USDT  \x1b[31mHALT\x1b[0m  for 3 s",
        "  PnL       +1.15 USDT: realised +3.00": "  PnL       \x1b[32m+1.15\x1b[0m USDT: realised +3.00",
        "  position  -0.02 BTC at 1, unrealised -1.5 USDT": (
            "  position  -0.02 BTC at 1, unrealised \x1b[31m-1.5\x1b[0m USDT"
        ),
        "            STOP FIRED, target -": "            \x1b[31mSTOP FIRED\x1b[0m, target -",
        "  22:00:00Z  HALT, unrealised +1": "  22:00:00Z  HALT, unrealised +1",
    }
    assert {line: painted(line) for line in lines} == lines
    monkeypatch.setenv("NO_COLOR", "1")
    assert [painted(line) for line in lines] == list(lines)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert [painted(line) for line in lines] == list(lines)


def test_A5_pages_that_nobody_took_are_nobodys_last_word() -> None:
    """What is kept of an output that nothing takes are the lines, and no page that was to be drawn over."""
    unsaid = Unsaid()
    unsaid.remember(b"said\n")
    unsaid.remember(f"{DRAWN_OVER}page\x1b[K\n\x1b[J\x1b[?2026l".encode())
    unsaid.remember(b"last\n")
    assert unsaid._text() == "said\nlast\n"


def test_markets_on_one_screen_tell_under_their_names_and_draw_no_pages_of_their_own(terminal: Terminal) -> None:
    """Each keeps what it told; a table of all of them has the page, and where there is no room, lines have the news."""
    shared = Screen(is_terminal=True)
    btc, eth = (MarketScreen(is_terminal=False, label=f"{name}: ", shared=shared) for name in ("btc", "eth"))
    btc.tell("bought")
    eth.show("report")
    btc.draw("flat")
    assert told(terminal.shown) == ["btc: bought", "--- eth", "report"]
    assert not btc.takes_pages
    shared.draw_page(["table"])
    eth.tell("sold")
    btc.close()
    assert terminal.shown[-1] == "table"
    assert [text for _, text in eth.told] == ["sold"]
    assert told(shared.held) == ["eth: sold"]
    shared.close()
    terminal.rows = 5
    btc.draw("flat")
    assert told(terminal.shown)[-2:] == ["eth: sold", "btc: flat"]
    assert [text for _, text in btc.told] == ["bought"]
