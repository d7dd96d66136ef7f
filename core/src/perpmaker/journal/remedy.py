"""What a person does about a journal that cannot be written, by what the disk or SQLite says of it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Final

from perpmaker.journal.salvage import BUSY_S

_AGAIN: Final = ", then start again"
_ROOM: Final = f"make room on that disk{_AGAIN}"
_LIMIT: Final = "look at that disk and at limits on the size of files (df, ulimit -f)" + _AGAIN
_RIGHTS: Final = f"let its owner write there again{_AGAIN}"
_ELSEWHERE: Final = f"look at that disk{_AGAIN}"
_BY_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: f"it was held for {BUSY_S:g} s: end what else has it open",
    sqlite3.SQLITE_LOCKED: f"it was held for {BUSY_S:g} s: end what else has it open",
    sqlite3.SQLITE_FULL: _ROOM,
    sqlite3.SQLITE_IOERR: _LIMIT,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
}
_BY_SYSTEM: Final = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _LIMIT,
    errno.EROFS: _RIGHTS,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
}


def remedy(error: sqlite3.Error | OSError) -> str:
    """Return what to do about it."""
    if isinstance(error, OSError):
        return _BY_SYSTEM.get(error.errno or 0, _ELSEWHERE)

    return _BY_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _ELSEWHERE)


def place(path: Path | None) -> str:
    """Return where a journal is."""
    return "in memory" if path is None else str(path)
