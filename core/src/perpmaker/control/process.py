"""The process that holds a lock: who it is, whether it really holds it, and how it is ended."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import attrs

from perpmaker.errors import LockedError

ASK_S: Final = 5.0
"""Seconds that a process is given to end by itself, after SIGTERM."""

KILL_S: Final = 5.0
"""Seconds after SIGKILL until a process that is still there is said to be."""

_POLL_S = 0.05
_HOLDER = re.compile(r"process (\d+) on (\S+)")
_PROCESSES = Path("/proc")


@attrs.frozen(kw_only=True)
class Holder:
    """Who holds a lock, as the lock's file says. `pid` 0: it does not say."""

    pid: int
    host: str


def holder_of(path: Path) -> Holder | None:
    """Return who holds a lock. None where nobody does, or there is no such lock."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None

    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        found = _HOLDER.search(os.read(handle, 256).decode(errors="replace"))
        return Holder(pid=0, host="") if found is None else Holder(pid=int(found[1]), host=found[2])
    finally:
        os.close(handle)

    return None


def end_holder(path: Path, tell: Callable[[str], None], *, ask_s: float = ASK_S, kill_s: float = KILL_S) -> bool:
    """End the process that holds a lock: asked first, then killed. Whether the lock is free.

    LockedError where it is another machine's, where the process that is named does not hold it, or where another one
    has taken its place meanwhile.
    """
    holder = holder_of(path)

    if holder is None:
        return True

    _check(holder, path)
    tell(f"process {holder.pid} is asked to end")

    for number, seconds, words in (
        (signal.SIGTERM, ask_s, f"process {holder.pid} has ended by itself"),
        (signal.SIGKILL, kill_s, f"process {holder.pid} did not, and was killed"),
    ):
        with suppress(ProcessLookupError):
            _signal(holder.pid, number)

        if _is_let_go_within(path, holder, seconds):
            tell(words)
            return True

    return False


def _check(holder: Holder, path: Path) -> None:
    if holder.pid <= 1:
        raise LockedError(f"the lock {path} is held, and does not say by which process: end that one yourself")

    if holder.host != socket.gethostname():
        raise LockedError(f"process {holder.pid} on {holder.host} holds the lock {path}: end it there")

    if not _has_open(holder.pid, path):
        raise LockedError(f"the lock {path} names process {holder.pid}, which does not hold it: nothing was ended")


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open. True where the system does not tell."""
    if not _PROCESSES.is_dir():
        return True

    try:
        wanted = path.stat()
        handles = list((_PROCESSES / str(pid) / "fd").iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True

    for handle in handles:
        with suppress(OSError):
            if os.path.samestat(handle.stat(), wanted):
                return True

    return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except PermissionError:
        raise LockedError(f"process {pid} is another user's: it can be ended by that user only") from None


def _is_let_go_within(path: Path, holder: Holder, seconds: float) -> bool:
    """Whether a process lets go of the lock in time. LockedError when another one has it then: that one runs anew."""
    until = monotonic() + seconds

    while (now := holder_of(path)) is not None:
        if now.pid and now != holder:
            raise LockedError(
                f"process {holder.pid} has ended, and process {now.pid} trades there already: something starts the bot "
                "again. Stop that (systemctl stop), then panic once more"
            )

        if monotonic() >= until:
            return False

        sleep(_POLL_S)

    return True
