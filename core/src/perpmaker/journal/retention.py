"""How long the older parts of a journal are kept: by their age and by what all files take together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs

from perpmaker.journal.parts import SIDE_FILES, older_parts
from perpmaker.journal.read_only import open_read_only

DAY_MS = 86_400_000
GIGABYTE = 1_000_000_000
_NEWEST = "SELECT MAX(utc_ms) FROM (SELECT utc_ms FROM row ORDER BY seq DESC LIMIT 100)"


@attrs.frozen(kw_only=True)
class Retention:
    """Older parts whose newest row is older than `days` go, and the oldest ones while the files take more than `gb`.

    None keeps all. The file that is written is never touched, nor is what it repeats of those before it.
    """

    days: float | None = None
    gb: float | None = None

    def apply(self, path: Path, utc_ms: int, tell: Callable[[str], None]) -> None:
        """Remove what is over at a moment, and say what. What cannot be removed stays."""
        try:
            parts = list(older_parts(path).values())
            sizes = {part: part.stat().st_size for part in parts}
            total = sum(sizes.values()) + path.stat().st_size
        except OSError:
            return

        removed, until_ms = [], 0

        for part in parts:
            part_ms = newest_ms(part)
            is_old = self.days is not None and part_ms < utc_ms - self.days * DAY_MS
            is_too_much = self.gb is not None and total > self.gb * GIGABYTE

            if not (is_old or is_too_much) or not _removed(part):
                break

            removed.append(part)
            until_ms = part_ms
            total -= sizes[part]

        if removed:
            tell(self._words(len(removed), until_ms))

    def _words(self, count: int, until_ms: int) -> str:
        limits = {"journal_days": self.days, "journal_gb": self.gb}
        until = datetime.fromtimestamp(until_ms / 1000, UTC)
        parts = "the oldest part" if count == 1 else f"the {count} oldest parts"

        return (
            f"journal: {parts} removed, with all until {until.replace(tzinfo=None).isoformat(' ', 'minutes')}Z "
            f"({', '.join(f'{key} = {value:g}' for key, value in limits.items() if value is not None)})"
        )


UNLIMITED = Retention()


def newest_ms(part: Path) -> int:
    """When the newest row of a part was written, or the file, where there is no row or it cannot be read."""
    try:
        with open_read_only(part) as connection:
            (newest,) = connection.execute(_NEWEST).fetchone()

        if newest is not None:
            return int(newest)
    except (OSError, sqlite3.Error):
        pass

    try:
        return int(part.stat().st_mtime * 1000)
    except OSError:
        return 0


def _removed(part: Path) -> bool:
    try:
        for suffix in ("", *SIDE_FILES):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False

    return True
