"""Files that hold a secret: read when only their owner can read them, and not otherwise.

So are the credentials that systemd hands to a service: where their file system has access lists, they are root's, and
their mode shows the group as a reader, which it is not.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_LARGEST = 16_384
_OTHERS_BITS = 0o077
_NOT_IN_CREDENTIALS = 0o037
_NOT_IN_THEIR_DIRECTORY = 0o027
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable by which systemd tells a service where its credentials are."""

_ALL_CREDENTIALS = Path("/run/credentials")
"""Where those of each unit are: what another shell of the same user has to read, for a bot that hangs."""


def read_private_file(path: Path) -> str:
    """The text of a file that only we can read, without its last line ending.

    ValueError when it is a link, not a file, somebody else's, open to others (more than 0600), or over 16 KiB. A
    credential of systemd's may be root's, and 0440.
    """
    # O_NOFOLLOW and fstat on the open file: what is checked is what is read. O_NONBLOCK: a pipe does not hang us.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)

    try:
        fault = _file_fault(os.fstat(descriptor), is_credential=_is_credential(path))

        if fault is not None:
            raise ValueError(fault)

        content = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)

    if len(content) > _LARGEST:
        raise ValueError(f"is over {_LARGEST} bytes: that is no key")

    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def _is_credential(path: Path) -> bool:
    """Whether a file is in a directory of credentials, which nobody but root and us may enter."""
    directory = path.parent
    named = os.environ.get(CREDENTIALS, "")

    if directory != Path(named or "/") and directory.parent != _ALL_CREDENTIALS:
        return False

    try:
        found = directory.lstat()
    except OSError:
        return False

    is_theirs = found.st_uid in {0, os.geteuid()}

    return stat.S_ISDIR(found.st_mode) and is_theirs and not found.st_mode & _NOT_IN_THEIR_DIRECTORY


def _file_fault(status: os.stat_result, *, is_credential: bool) -> str | None:
    """Why a file must not hold a secret."""
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"

    if is_credential and status.st_uid in {0, os.geteuid()} and not status.st_mode & _NOT_IN_CREDENTIALS:
        return None

    if status.st_uid != os.geteuid():
        return "belongs to another user: it must be owned by the one that runs perpmaker"

    if status.st_mode & _OTHERS_BITS:
        return f"is open to others (mode {stat.S_IMODE(status.st_mode):04o}): chmod 600 it"

    return None
