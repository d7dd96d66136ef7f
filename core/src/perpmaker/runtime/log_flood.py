"""No flood in a log: what is said again and again is one line with a count, and no kind fills the file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import attrs

QUIET_S: Final = 60.0
"""Seconds in which the same line is written once; how often it came meanwhile stands in the next one."""

REMEMBERED: Final = 500
"""Lines that are remembered for that."""

MOST_A_MINUTE: Final = 300
"""Lines of one kind that are written in a minute, however much they differ."""

ALWAYS: Final = frozenset({"start", "end", "fill", "exit", "stop", "halt", "error", "log"})
"""Kinds that are written each time: each is money, or happens once."""


@attrs.define
class _Line:
    at: float
    more: int = 0


@attrs.define
class LogFlood:
    """Judges the lines of one log, by the time at which each comes (seconds)."""

    _lines: OrderedDict[tuple[str, str], _Line] = attrs.field(factory=OrderedDict, init=False)
    _minute: dict[str, _Line] = attrs.field(factory=dict, init=False)

    def admit(self, kind: str, text: str, now: float) -> int | None:
        """Return how often the line has come since it was written last, 0 for news; None where it is not written."""
        if kind in ALWAYS:
            return 0

        line = self._lines.get((kind, text))

        if line is not None and now < line.at + QUIET_S:
            line.more += 1
            return None

        if not self._has_room(kind, now):
            return None

        more = 0 if line is None else line.more
        self._lines[kind, text] = _Line(now)
        self._lines.move_to_end((kind, text))

        return more

    def _has_room(self, kind: str, now: float) -> bool:
        minute = self._minute.setdefault(kind, _Line(now, -MOST_A_MINUTE))

        if now >= minute.at + QUIET_S and minute.more <= 0:
            self._minute[kind] = minute = _Line(now, -MOST_A_MINUTE)

        minute.more += 1

        return minute.more <= 0

    def due(self, now: float) -> Iterator[tuple[str, str, int]]:
        """Yield (kind, text, how often) of what was not written, and is not going on; with `inf` all of it."""
        for (kind, text), line in list(self._lines.items()):
            if now >= line.at + QUIET_S or len(self._lines) > REMEMBERED:
                del self._lines[kind, text]

                if line.more:
                    yield kind, text, line.more

        for kind, minute in list(self._minute.items()):
            if minute.more > 0 and now >= minute.at + QUIET_S:
                del self._minute[kind]
                yield kind, f"more lines of the kind {kind} than {MOST_A_MINUTE} a minute", minute.more
