"""Several markets on one screen: each tells under its name, and a terminal shows a table of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import attrs

from perpmaker.cli.desk import Desk
from perpmaker.cli.screen import Screen, terminal_size

PAGE_S = 1.0
"""Seconds between two pages."""


@attrs.define(kw_only=True)
class MarketScreen(Screen):
    """What one of several markets has of the screen that they share: its lines, each below its name."""

    shared: Screen

    def tell(self, text: str) -> None:
        """Say something that stays."""
        self.remember(text)
        self.shared.tell(f"{self.label}{text}")

    def show(self, page: str) -> None:
        """Show a page of several lines below the market's name."""
        self.shared.show(f"--- {self.label.removesuffix(': ')}\n{page}")

    def draw(self, line: str) -> None:
        """Show how it goes in a line that stays, where no page shows all markets."""
        if not self.shared.takes_pages:
            self.shared.write(f"{self.label}{line}")

    @property
    def takes_pages(self) -> bool:
        """The page is of all markets."""
        return False

    def close(self, *, leave: bool = False) -> None:  # the same as that of every screen
        """The screen is the others' too."""


async def show_all(screen: Screen, desks: Sequence[Desk]) -> None:
    """Show how all markets stand again and again, on a terminal with room for that."""
    from perpmaker.report.status_lists import table  # noqa: PLC0415  # not before there is something to show

    while True:
        await anyio.sleep(PAGE_S)

        if desks and screen.takes_pages and screen.is_idle:
            with desks[0].beside():
                lines = [*table([desk.status() for desk in desks]), ""]
                screen.draw_page([*lines, *_last(screen, terminal_size()[1] - 1 - len(lines))])


def _last(screen: Screen, rows: int) -> Sequence[str]:
    """What was told last, in so many rows."""
    return [f"  {line}" for line in screen.held[-rows:]] if rows > 0 else ()
