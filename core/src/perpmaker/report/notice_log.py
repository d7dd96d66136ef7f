"""The lines that a person was told last, each with its time: for the status and the live view of a bot."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from perpmaker.report.status import NoticeStatus, iso

KEPT = 10
"""Lines that are kept."""

LONGEST = 500
"""Characters of one that are kept."""


class NoticeLog:
    """Passes lines on to `tell`, and keeps the last of them. `utc_ms` is the clock they are dated by."""

    def __init__(self, tell: Callable[[str], None], utc_ms: Callable[[], int]) -> None:
        self._tell = tell
        self._utc_ms = utc_ms
        self._last: deque[NoticeStatus] = deque(maxlen=KEPT)

    def tell(self, text: str) -> None:
        """Keep a line and pass it on."""
        self._last.append(NoticeStatus(at=iso(self._utc_ms()), text=text[:LONGEST]))
        self._tell(text)

    @property
    def last(self) -> tuple[NoticeStatus, ...]:
        """The last lines, oldest first."""
        return tuple(self._last)
