"""The journals of sandboxes that runs have started for themselves: the account is gone, what was done may be looked at.

No run ever goes on with one. The newest few are kept.
"""

from __future__ import annotations

import glob
from contextlib import suppress
from pathlib import Path
from typing import Final

from perpmaker.errors import LockedError
from perpmaker.journal.reading import find_journals
from perpmaker.journal.state_dir import Key, StateDir

OWN: Final = "+"
"""What stands in an account's name before the instance of a sandbox that a run has started for itself."""

KEPT: Final = 5
"""Journals of such sandboxes that are kept, beside that of the run that begins."""


def forget_old_sandboxes(home: StateDir) -> list[str]:
    """Remove the journals of such sandboxes but for the newest, and say so. One that is traded on stays."""
    found = [(journal.path, journal.key) for journal in find_journals(home.root).journals]
    own = [(path, key) for path, key in found if key is not None and OWN in key.account.partition("@")[2]]
    own.sort(key=lambda one: _written(one[0]), reverse=True)
    removed = sum(_is_removed(home, path, key) for path, key in own[KEPT:])

    if not removed:
        return []

    runs = "an older sandbox run" if removed == 1 else f"{removed} older sandbox runs"

    return [f"removed what was journalled of {runs} (the newest {KEPT} are kept)"]


def _is_removed(home: StateDir, path: Path, key: Key) -> bool:
    """Remove a journal with all its files, unless somebody trades on it."""
    try:
        with home.lock(key):
            for file in path.parent.glob(f"{glob.escape(path.name)}*"):
                file.unlink(missing_ok=True)
    except (LockedError, OSError):
        return False

    with suppress(OSError):
        home.lock_path(key).unlink(missing_ok=True)  # nobody else will ever want this one

    return True


def _written(path: Path) -> float:
    """When a journal was written last, or a part of it."""
    with suppress(OSError):
        return max(file.stat().st_mtime for file in path.parent.glob(f"{glob.escape(path.name)}*"))

    return 0.0
