"""How often a command that takes a while shows how far it is."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from perpmaker.cli.screen import Screen

if TYPE_CHECKING:
    from perpmaker.simulation.recording_check import Progress as Reading  # not for --help

REDRAW_S: Final = 0.5
PLAIN_S: Final = 10.0
"""How often a line is written where it is no terminal."""


class Pace:
    """Says when progress is due on a screen: often on a terminal, each `plain_s` elsewhere (None: never there)."""

    def __init__(self, screen: Screen, plain_s: float | None = PLAIN_S) -> None:
        self.screen = screen
        self._every_s = REDRAW_S if screen.is_terminal else plain_s
        self._drawn_at = monotonic()

    def is_due(self) -> bool:
        """Return whether it is; then the next time is counted from now."""
        if self._every_s is None or monotonic() - self._drawn_at < self._every_s:
            return False

        self._drawn_at = monotonic()

        return True

    def reading(self, reading: Reading) -> None:
        """Show how far a capture has been converted."""
        if self.is_due():
            name = Path(reading.file).name
            self.screen.draw(f"converting {name}, once: {reading.portion:.0%} (Ctrl-C stops)")
