"""What `perpmaker record` says: what it records, how it goes, and what there is in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Self

import attrs
import msgspec

from perpmaker.capture.recorder import Recorder
from perpmaker.sandbox.server import SandboxLine

_KILO, _MEGA = 1_000, 1_000_000


def start_lines(recorder: Recorder, line: SandboxLine | None, folder: Path) -> Iterator[str]:
    """Say what is recorded, and where to."""
    name, market = recorder.connector.name, recorder.instrument.market
    yield f"recording {market} on {name} ({recorder.environment}) into {folder}: no key is used"

    if line is not None:
        yield f"{line.origin}: the venue's own streams with --environment live"


def progress_line(recorder: Recorder, seconds: float) -> str:
    """How it goes."""
    lines, files = recorder.lines, recorder.files
    pace = f"{lines.messages / seconds:,.0f}/s" if seconds else ""
    price = f" | last {recorder.last_price}" if recorder.last_price else ""

    return (
        f"{recorder.environment}: {recorder.instrument.market} | {lines.messages:,} messages ({pace}) | "
        f"{size(files.bytes_written)} | {counted(recorder.gaps, 'gap')}{price}"
    )


def size(number: int) -> str:
    """A number of bytes for people."""
    return f"{number / _MEGA:,.1f} MB" if number >= _MEGA else f"{number / _KILO:,.1f} kB"


def counted(number: int, what: str) -> str:
    """So many of something."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@attrs.frozen(kw_only=True)
class Recorded:
    """What was recorded: how much, where it is, and why it ended. `error` is empty where it ended by a wish."""

    connector: str
    environment: str
    market: str
    seconds: float
    messages: int
    bytes: int
    gaps: int
    reconnects: int
    last_price: str
    folder: str
    files: Sequence[str]
    stop_reason: str
    error: str

    @classmethod
    def of(cls, recorder: Recorder, folder: Path, seconds: float, error: str) -> Self:
        """Sum up."""
        return cls(
            connector=recorder.connector.name,
            environment=recorder.environment,
            market=recorder.instrument.market,
            seconds=round(seconds, 1),
            messages=recorder.lines.messages,
            bytes=recorder.files.bytes_written,
            gaps=recorder.gaps,
            reconnects=recorder.reconnects,
            last_price=recorder.last_price,
            folder=str(folder),
            files=tuple(recorder.files.names),
            stop_reason=recorder.stop_reason,
            error=error,
        )

    def as_json(self) -> str:
        """For programs."""
        return msgspec.json.encode(self).decode()

    def as_text(self) -> str:
        """For people."""
        first_row = (
            f"Recorded {self.market} on {self.connector} ({self.environment}): {self.messages:,} messages in "
            f"{self.seconds:,.1f} s, {size(self.bytes)}, {counted(self.gaps, 'gap')}, "
            f"{counted(self.reconnects, 'reconnect')}; ended by {self.stop_reason}"
        )
        rows = [first_row, *(f"  {Path(self.folder) / name}" for name in self.files)]

        if self.messages:
            first = Path(self.folder) / self.files[0]
            all_of_them = f"{quote(self.folder)}/{self.connector}_{self.market}_*Z{first.suffix}"
            only = quote(str(first))
            played, data = (only, only) if len(self.files) == 1 else (all_of_them, quote(self.folder))
            rows.append(f"Play it: perpmaker sandbox {self.connector} --market {self.market} --recording {played}")
            rows.append(f"Trade it at once: perpmaker backtest CONFIG --data {data}")

        return "\n".join(rows)
