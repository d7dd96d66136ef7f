"""What part of a recording a sandbox plays, for people and for the summary of a run."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from perpmaker.simulation.recording import Replay


@attrs.frozen(kw_only=True)
class Window:
    """From when until when, in milliseconds of the recording's clock, and what a person should know of the files."""

    begin_ms: int
    end_ms: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The two times in UTC, and how far they are apart."""
        begin, end = (datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in (self.begin_ms, self.end_ms))
        day = "" if begin.date() == end.date() else f"{end:%Y-%m-%d} "

        return f"{begin:%Y-%m-%d %H:%M:%S} to {day}{end:%H:%M:%S} UTC ({(end - begin).total_seconds():.0f} s)"


def window_of(replay: Replay) -> Window:
    """Return the window that a replay plays."""
    return Window(begin_ms=replay.begin_ms, end_ms=replay.end_ms, notes=replay.notes)
