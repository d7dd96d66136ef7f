"""Files and directories that only their owner may see: opened without following links, tightened where they are wide.

What is checked is what is opened: a name may come to mean another file between two calls.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

_OTHERS = 0o077
_FILE = 0o600
_DIRECTORY = 0o700


class NotPrivateError(OSError):
    """A file or directory that cannot be made private: a link, no such thing, or another user's."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(fault)
        self.strerror = fault
        self.path = path


def open_private_file(path: Path) -> int:
    """Open a file for reading and writing, and return its descriptor. A missing file is made. Its mode is 0600.

    OSError when that cannot be: NotPrivateError for a link, for what is no file, and for another user's.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

    return _opened(path, flags, _FILE, stat.S_ISREG, "a file")


def tighten_file(path: Path) -> None:
    """Make a file private that may be there. As `open_private_file`, but nothing is made."""
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        os.close(_opened(path, flags, _FILE, stat.S_ISREG, "a file"))
    except FileNotFoundError:
        return


def tighten_directory(path: Path) -> None:
    """Make a directory private that is there. As `open_private_file`."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
    os.close(_opened(path, flags, _DIRECTORY, stat.S_ISDIR, "a directory"))


def _opened(path: Path, flags: int, mode: int, is_kind: Callable[[int], bool], kind: str) -> int:
    if path.is_symlink():
        raise NotPrivateError(path, f"it is a symbolic link: name {kind} itself")

    handle = os.open(path, flags, mode)

    try:
        _make_private(path, handle, mode, is_kind, kind)
    except BaseException:
        os.close(handle)
        raise

    return handle


def _make_private(path: Path, handle: int, mode: int, is_kind: Callable[[int], bool], kind: str) -> None:
    """Take the permissions of others away from what was opened; refuse what is not ours."""
    found = os.fstat(handle)

    if not is_kind(found.st_mode):
        raise NotPrivateError(path, f"it is not {kind}")

    if found.st_uid != os.geteuid():
        raise NotPrivateError(path, "it belongs to another user: it must be owned by the one that runs perpmaker")

    if found.st_mode & _OTHERS:
        os.fchmod(handle, mode)
