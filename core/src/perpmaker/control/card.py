"""The cards of running bots: a small file each, locked by its bot for as long as that lives.

The lock is the kernel's (flock), so that a card tells the truth about a process that was killed too: whoever finds one
that nobody holds removes it, with the socket beside it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

import attrs
import msgspec

from perpmaker.journal.private_file import open_private_file
from perpmaker.journal.state_dir import StateDir

DIRECTORY = "control"
"""The directory of cards and sockets, in the state directory."""

HALF_MADE_S = 60.0
"""Seconds after which what was to become a card, and did not, is nobody's any more."""

_NEW = ".new"


@attrs.frozen(kw_only=True)
class Card:
    """Who a running bot is. `id` names its socket, `name` what a person calls it; `file` is its configuration."""

    id: str
    name: str
    file: str
    environment: str
    venue: str
    market: str
    pid: int
    since: str


def new_id() -> str:
    """Return an id that no other bot has."""
    return secrets.token_hex(8)


def socket_path(home: StateDir, card_id: str) -> Path:
    """Return where a bot is spoken to."""
    return home.private(DIRECTORY) / f"{card_id}.sock"


@contextmanager
def hold_card(home: StateDir, card: Card) -> Iterator[None]:
    """Show a card for as long as the bot lives.

    Raises:
        OSError: it cannot be written or locked.
    """
    path = home.private(DIRECTORY) / f"{card.id}.json"
    unfinished = path.with_suffix(_NEW)
    handle = open_private_file(unfinished)

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handle, msgspec.json.encode(card))
        unfinished.rename(path)  # whoever sees it sees it locked, and whole
        yield
    finally:
        for one in (unfinished, path):
            with suppress(OSError):
                one.unlink(missing_ok=True)

        os.close(handle)


def read_cards(home: StateDir) -> list[Card]:
    """Return the cards of the bots that run now, by name. What others have left behind is removed."""
    directory = home.private(DIRECTORY)
    running = [card for path in directory.glob("*.json") if (card := _card_of(path)) is not None]

    for path in directory.glob(f"*{_NEW}"):
        _sweep(path)

    return sorted(running, key=lambda card: (card.name, card.pid))


def is_running(home: StateDir, card: Card) -> bool:
    """Return whether the bot of a card still runs."""
    path = home.private(DIRECTORY) / f"{card.id}.json"

    return _card_of(path) is not None


def _card_of(path: Path) -> Card | None:
    """The card of a bot that runs; None for one that nobody holds, which is removed with its socket."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None

    try:
        if not _is_held(handle):
            for one in (path.with_suffix(".sock"), path):
                one.unlink(missing_ok=True)

            return None

        return msgspec.json.decode(os.read(handle, 65_536), type=Card)
    except (OSError, msgspec.MsgspecError):
        return None
    finally:
        os.close(handle)


def _is_held(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True

    return False


def _sweep(path: Path) -> None:
    """Remove a card that was never finished."""
    with suppress(OSError):
        if time() - path.stat().st_mtime > HALF_MADE_S:
            path.unlink(missing_ok=True)
