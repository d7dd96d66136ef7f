"""The files of one journal: the one that is written, the older parts behind it, and the one that is to come."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sqlite3"
SIDE_FILES: Final = ("-wal", "-shm")

LEGACY: Final = 0
"""The number of the one part that versions before numbered parts kept, as `.older`."""

FIRST: Final = 1
"""The number of the first file of a journal."""

_NUMBERED = re.compile(r"\.(\d{6,})")
_OLDER = re.compile(r"\.older")
_ASIDE = re.compile(r"\.damaged-\d+")


def part_path(path: Path, number: int) -> Path:
    """Return where the older part of this number of the journal at `path` is kept."""
    return path.with_name(f"{path.name}.older" if number == LEGACY else f"{path.name}.{number:06d}")


def next_path(path: Path) -> Path:
    """Return where the file that is to come after the journal is written, until it takes its place."""
    return path.with_name(f"{path.name}.next")


def older_parts(path: Path) -> dict[int, Path]:
    """Return the older parts of a journal that are there, by number, oldest first. OSError where none can be listed."""
    found = {}

    for file in path.parent.iterdir():
        if file.name.startswith(path.name):
            suffix = file.name.removeprefix(path.name)
            numbered = _NUMBERED.fullmatch(suffix)

            if numbered is not None:
                found[int(numbered[1])] = file
            elif suffix == ".older":
                found[LEGACY] = file

    return dict(sorted(found.items()))


def following_number(path: Path | None) -> int:
    """Return the number of a journal's file that is made anew: later than that of each file before it.

    One that was damaged and put aside had a number too.
    """
    if path is None:
        return FIRST

    aside = sum(_ASIDE.fullmatch(file.name.removeprefix(path.name)) is not None for file in path.parent.iterdir())

    return max(older_parts(path), default=FIRST - 1) + aside + 1


def journal_of(path: Path) -> Path:
    """Return the journal that a file belongs to, be it one of its older parts."""
    suffix = next((one for one in (_NUMBERED.search(path.name), _OLDER.search(path.name)) if one is not None), None)

    return path if suffix is None or suffix.end() != len(path.name) else path.with_name(path.name[: suffix.start()])


def journals_in(directory: Path) -> list[Path]:
    """Return each journal of a directory as the file that is written, also where only older parts are there."""
    names = set()

    for file in directory.iterdir():
        stem, suffix, rest = file.name.rpartition(SUFFIX)

        if suffix and (rest in {"", ".older"} or _NUMBERED.fullmatch(rest)):
            names.add(stem + suffix)

    return [directory / name for name in sorted(names)]
