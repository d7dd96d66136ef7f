"""Keeps the memory of this process from being read or written to disk by others of the same user."""

from __future__ import annotations

import ctypes
import resource
import sys
from functools import cache

_PR_SET_DUMPABLE = 4
"""Source: prctl(2). With 0 the process cannot be traced, and /proc shows its memory to the administrator alone."""


@cache
def guard_memory() -> None:
    """Allow no core file and, on Linux, no tracing by other processes of this user, for as long as the process lives.

    Called before the first secret is read. Where a system does not know the one or the other, the rest still holds.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
