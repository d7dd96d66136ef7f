"""Where a person reads what a run has to say while it runs.

A page is drawn by a few sequences that every terminal knows, and by nobody's library: rich took 200 ms to import and
30 ms of the trading loop for a page on the machine where this takes one. All goes through the command's own bounded
writer (`perpmaker.cli.output`), so that no terminal can hold up or end a run.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Sequence
from time import gmtime, strftime, time

import attrs
import click

from perpmaker.cli.output import escaped
from perpmaker.cli.unsaid import DRAWN_OVER
from perpmaker.errors import abridged

TOLD = 10
"""Lines that were told last that are kept for whoever asks."""

HELD = 200
"""Lines that are held back while a page is shown; it has the last of them, and the screen all once it is gone."""

LEAST_ROWS, LEAST_COLUMNS = 12, 40
"""A terminal that is smaller has room for a line, and for no page."""

_COLOURED = re.compile(r"(?<=\| PnL )[+-]\S+|(?<=\| )HALT\b")
_PAINTED = re.compile(
    r"(?<=unrealised )[+-][\d.]+|(?<=  PnL       )[+-][\d.]+|(?<=  )HALT\b|STOP FIRED|NOT PROVEN|NOT RUNNING"
)
_OVER = "\x1b[?2026l"
"""Ends what a terminal shows at once, however long it takes to come: one that does not know it passes it by."""


@attrs.define
class Screen:
    """Where a person reads: on a terminal a line or a page that is redrawn, else plain lines with date and time.

    All of it goes to standard error; standard output belongs to the summary. `label` begins each line, where several
    markets share the screen. `told` are the last lines, each with its time in milliseconds since the epoch.
    """

    is_terminal: bool = attrs.field(factory=lambda: sys.stderr.isatty())  # noqa: PLW0108  # the stream of now
    label: str = ""
    _drawn: bool = attrs.field(default=False, init=False)
    has_spoken: bool = attrs.field(default=False, init=False)
    told: deque[tuple[int, str]] = attrs.field(factory=lambda: deque(maxlen=TOLD), init=False)
    _page: tuple[str, ...] = attrs.field(default=(), init=False)
    _size: tuple[int, int] = attrs.field(default=(0, 0), init=False)
    _held: deque[str] = attrs.field(factory=lambda: deque(maxlen=HELD), init=False)
    _held_ever: int = attrs.field(default=0, init=False)

    def tell(self, text: str) -> None:
        """Say something that stays. While a page is shown it is held back: the page has what was told last."""
        self.remember(text)

        if self._page:
            self._held.append(self._stamped(text))
            self._held_ever += 1
        else:
            self.write(text)

    def remember(self, text: str) -> None:
        """Take a line for told."""
        self.told.append((int(time() * 1000), text))
        self.has_spoken = True

    def write(self, text: str) -> None:
        """Write a line that stays, and that nobody has to be told again."""
        self._clear()
        self.has_spoken = True
        click.echo(self._stamped(text), err=True)

    def show(self, page: str) -> None:
        """Show a page of several lines as it is, below the label where there is one."""
        self.close()

        if self.label:
            click.echo(f"--- {self.label.removesuffix(': ')}", err=True)

        click.echo(printable(page), err=True)

    def draw(self, line: str) -> None:
        """Show how it goes: over the line before on a terminal, else as a line that stays."""
        if not self.is_terminal:
            self.write(line)
            return

        if not self.is_idle:
            return

        if self._page:  # the terminal has become too small for pages
            self.close()

        line = printable(line).replace("\n", " ")
        click.echo(f"\r\x1b[K{coloured(line[: max(1, terminal_columns() - 1)])}", err=True, nl=False)
        self._drawn = True

    @property
    def held(self) -> list[str]:
        """The lines that were told while a page is shown."""
        return list(self._held)[-TOLD:]

    @property
    def takes_pages(self) -> bool:
        """Whether it is a terminal with room for a page."""
        columns, rows = terminal_size()

        return self.is_terminal and not is_dumb() and rows >= LEAST_ROWS and columns >= LEAST_COLUMNS

    @property
    def is_idle(self) -> bool:
        """Whether the terminal takes what is written: else there is no use in more of what will be old by then."""
        return bool(getattr(sys.stderr, "is_idle", True))

    def draw_page(self, lines: Sequence[str]) -> None:
        """Show a page in the place of the one before. Nothing is drawn while the terminal takes nothing."""
        if not self.is_idle:
            return

        size = terminal_size()
        columns, rows = size
        page = tuple(one[: columns - 1] for line in lines for one in printable(line).split("\n"))[: rows - 1]
        # What stood there has been broken anew where the size has changed: nobody knows how many rows it takes now.
        place = self._back() if size == self._size or not self._page else "\x1b[H\x1b[2J"
        drawn = "".join(f"{painted(line)}\x1b[K\n" for line in page)
        click.echo(
            f"{DRAWN_OVER}{'' if self._page else self._line_off()}{place}{drawn}\x1b[J{_OVER}", err=True, nl=False
        )
        self._page, self._size, self._drawn = page, size, False

    def close(self, *, leave: bool = False) -> None:
        """Leave the line that was drawn last on the terminal, or take the page off, unless it is to be left.

        What was told while a page was shown is written out.
        """
        if self._drawn:
            click.echo("", err=True)
            self._drawn = False

        if not self._page:
            return

        page = self._page
        click.echo(f"{DRAWN_OVER}{self._back()}\x1b[J{_OVER}", err=True, nl=False)
        self._page = ()

        if (missing := self._held_ever - len(self._held)) > 0:
            click.echo(f"... {missing} earlier lines are left out", err=True)

        for line in self._held:
            click.echo(line, err=True)

        self._held.clear()
        self._held_ever = 0

        for line in page if leave else ():
            click.echo(painted(line), err=True)

    def _stamped(self, text: str) -> str:
        """A line with its time; a file is read days later, so its lines carry the date."""
        stamp = strftime("%H:%M:%S" if self.is_terminal else "%Y-%m-%d %H:%M:%S", gmtime())

        return f"{stamp}Z {self.label}{printable(text)}"

    def _back(self) -> str:
        """To where the page begins."""
        return f"\x1b[{len(self._page)}A\r" if self._page else "\r"

    def _line_off(self) -> str:
        return "\r\x1b[K" if self._drawn else ""

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = False


def is_dumb() -> bool:
    """Return whether the terminal cannot draw."""
    return os.environ.get("TERM") == "dumb"


def terminal_size() -> tuple[int, int]:
    """Return columns and rows of the terminal now. 80 and 24 for one that does not say."""
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):  # it has gone away
        return 80, 24

    return columns or 80, rows or 24


def terminal_columns() -> int:
    """Return how wide the terminal is now. 80 for one that does not say."""
    return terminal_size()[0]


def coloured(line: str) -> str:
    """Return the live line with a profit in green, a loss and a halt in red. As it is where NO_COLOR asks for that."""
    return line if _is_plain() else _COLOURED.sub(_paint, line)


def painted(line: str) -> str:
    """Return a line of a page in colours, as the live line; what was told on it has none."""
    return line if _is_plain() or line[2:3].isdigit() else _PAINTED.sub(_paint, line)


def _is_plain() -> bool:
    return bool(os.environ.get("NO_COLOR")) or is_dumb()


def _paint(found: re.Match[str]) -> str:
    colour = "32" if found[0].startswith("+") else "31"

    return f"\x1b[{colour}m{found[0]}\x1b[0m"


def printable(text: str) -> str:
    """Return the text with control characters shown instead of obeyed: some of it is what a venue said."""
    return abridged(escaped(text))
