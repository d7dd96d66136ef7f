"""Where a person reads what a run has to say while it runs."""

from __future__ import annotations

import os
import re
import sys
from time import gmtime, strftime

import attrs
import click

from perpmaker.cli.output import escaped
from perpmaker.errors import abridged

_COLOURED = re.compile(r"(?<=\| PnL )[+-]\S+|(?<=\| )HALT\b")


@attrs.define
class Screen:
    """Where a person reads: a line that is redrawn on a terminal, plain lines with date and time otherwise.

    All of it goes to standard error; standard output belongs to the summary. `label` begins each line, where several
    markets share the screen.
    """

    is_terminal: bool = attrs.field(factory=lambda: sys.stderr.isatty())  # noqa: PLW0108  # the stream of now
    label: str = ""
    _drawn: bool = attrs.field(default=False, init=False)
    has_spoken: bool = attrs.field(default=False, init=False)

    def tell(self, text: str) -> None:
        """Say something that stays."""
        # A file is read days later, so its lines carry the date.
        stamp = strftime("%H:%M:%S" if self.is_terminal else "%Y-%m-%d %H:%M:%S", gmtime())
        self._clear()
        self.has_spoken = True
        click.echo(f"{stamp}Z {self.label}{printable(text)}", err=True)

    def show(self, page: str) -> None:
        """Show a page of several lines as it is, below the label where there is one."""
        self._clear()

        if self.label:
            click.echo(f"--- {self.label.removesuffix(': ')}", err=True)

        click.echo(printable(page), err=True)

    def draw(self, line: str) -> None:
        """Show how it goes: over the line before on a terminal, else as a line that stays."""
        if not self.is_terminal:
            self.tell(line)
            return

        if not getattr(sys.stderr, "is_idle", True):
            return  # the terminal takes nothing now: there is no use in more of what will be old by then

        line = printable(line).replace("\n", " ")
        click.echo(f"\r\x1b[K{coloured(line[: max(1, terminal_columns() - 1)])}", err=True, nl=False)
        self._drawn = True

    def close(self) -> None:
        """Leave the line that was drawn last on the terminal."""
        if self._drawn:
            click.echo("", err=True)
            self._drawn = False

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = False


def terminal_columns() -> int:
    """Return how wide the terminal is now. 80 for one that does not say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):  # it has gone away
        return 80


def coloured(line: str) -> str:
    """Return the line with a profit in green, a loss and a halt in red.

    As it is where NO_COLOR asks for that.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return line

    return _COLOURED.sub(_paint, line)


def _paint(found: re.Match[str]) -> str:
    colour = "32" if found[0].startswith("+") else "31"

    return f"\x1b[{colour}m{found[0]}\x1b[0m"


def printable(text: str) -> str:
    """Return the text with control characters shown instead of obeyed: some of it is what a venue said."""
    return abridged(escaped(text))
