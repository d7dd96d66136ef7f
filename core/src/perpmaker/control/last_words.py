"""What each bot said of itself last, one file for each configuration and market: there when the bot is gone.

Written again every few seconds while it runs, so that a killed bot has last words too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from perpmaker.errors import PayloadError
from perpmaker.journal.private_file import open_private_file
from perpmaker.journal.state_dir import StateDir
from perpmaker.report.status import Status, as_plain, decode_status

DIRECTORY = "last"
"""The directory of last words, in the state directory."""

MOST_BOTS = 200
"""Bots of which something is kept; of more, those that spoke longest ago are forgotten."""


def write_last_words(home: StateDir, status: Status) -> None:
    """Keep a status for when the bot is gone. OSError when it cannot be written: nothing else hangs on it."""
    path = _path(home, status.file, status.market)
    unfinished = path.with_suffix(".new")
    handle = open_private_file(unfinished)

    with os.fdopen(handle, "wb") as file:
        file.truncate()
        file.write(msgspec.json.encode(as_plain(status)))

    unfinished.replace(path)


def forget_oldest(home: StateDir) -> None:
    """Remove the last words of bots that nobody has run for longest, beyond so many."""
    with suppress(OSError):
        found = sorted(home.private(DIRECTORY).glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)

        for path in found[MOST_BOTS:]:
            path.unlink(missing_ok=True)


def read_last_words(home: StateDir) -> Sequence[Status]:
    """Return what is known of every bot that ran here, the newest word first. It says `running` of none."""
    found = [status for path in home.private(DIRECTORY).glob("*.json") if (status := _read(path)) is not None]

    return sorted(found, key=lambda status: status.at, reverse=True)


def _path(home: StateDir, file: str, market: str) -> Path:
    digest = hashlib.sha256(f"{file}\0{market}".encode()).hexdigest()[:24]

    return home.private(DIRECTORY) / f"{digest}.json"


def _read(path: Path) -> Status | None:
    """The status of a file. None for one of another version, or that cannot be read."""
    try:
        content = msgspec.json.decode(path.read_bytes())

        return decode_status({**content, "running": False})
    except (OSError, msgspec.MsgspecError, PayloadError, TypeError):
        return None
