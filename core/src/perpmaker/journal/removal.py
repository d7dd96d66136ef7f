"""Removes the journal of an account that is gone: no run can go on with it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from perpmaker.journal.file import SIDE_FILES, witness_path


def remove_journal(path: Path) -> None:
    """Remove the file, and what SQLite and its witness have beside it. What cannot be removed stays."""
    for file in (path, witness_path(path), *(path.with_name(path.name + suffix) for suffix in SIDE_FILES)):
        with suppress(OSError):
            file.unlink(missing_ok=True)
