"""A Unix socket by its path, however long that is: the system takes 104 to 108 bytes of one."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

LONGEST = 100
"""Bytes of a path that every system takes."""

RETRY_S = 0.05
"""Seconds between two tries where too many wait already."""

BACKLOG = 16
"""Connections that wait to be accepted at most."""


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Yield a name of the path that is short enough: itself, or one through a link that lives for this moment only.

    Raises:
        OSError: no link can be made.
    """
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return

    with tempfile.TemporaryDirectory(prefix="pm", dir="/tmp") as short:  # 0700, of a random name
        link = Path(short) / "d"
        link.symlink_to(path.parent, target_is_directory=True)
        yield str(link / path.name)


def listen_at(path: Path) -> socket.socket:
    """Return a socket that listens there; only its owner may connect.

    Raises:
        OSError: it cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    try:
        listener.setblocking(False)

        with reachable(path) as name:
            listener.bind(name)

        path.chmod(0o600)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise

    return listener


def connect_to(path: Path, within_s: float) -> socket.socket:
    """Return a socket that is connected to the one that listens there, with that time for each of its calls.

    Raises:
        OSError: nobody listens, or none is accepted in time.
    """
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    try:
        connected.settimeout(within_s)

        with reachable(path) as name:
            _connect(connected, name, monotonic() + within_s)
    except BaseException:
        connected.close()
        raise

    return connected


def _connect(connected: socket.socket, name: str, until: float) -> None:
    """Connect; while others wait to be accepted, as many as the system lets wait, it is tried again."""
    while True:
        try:
            connected.connect(name)
        except BlockingIOError:
            if monotonic() >= until:
                raise TimeoutError("timed out") from None

            sleep(RETRY_S)
        else:
            return
