"""The only place that reads time: everything else is handed a `Clock` or a `now`.

The functions of the module `time` are taken when the core is imported: a plugin that replaces them there, as libraries
for tests do, changes nothing here.
"""

from __future__ import annotations

from time import time_ns
from typing import Protocol

import anyio


class Clock(Protocol):
    """Two readings: one to measure intervals with, one to talk to people and venues with."""

    def now(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""

    def utc_ms(self) -> int:
        """Milliseconds since the epoch, UTC; may jump when the machine's clock is set."""


class SystemClock:
    """The event loop's monotonic clock and the machine's wall clock."""

    def now(self) -> float:
        """Seconds on the running event loop's clock (virtual under trio's MockClock)."""
        return anyio.current_time()

    def utc_ms(self) -> int:
        """Milliseconds since the epoch from the machine's clock."""
        return time_ns() // 1_000_000


class LoopClock:
    """Both readings from the event loop's clock, so that a virtual clock moves both; for tests and replay."""

    def __init__(self, epoch_ms: int = 1_767_225_600_000) -> None:
        self._epoch_ms = epoch_ms
        self._started = anyio.current_time()

    def now(self) -> float:
        """Seconds on the running event loop's clock."""
        return anyio.current_time()

    def utc_ms(self) -> int:
        """Milliseconds since the epoch, had this clock been made at `epoch_ms`."""
        return self._epoch_ms + round((anyio.current_time() - self._started) * 1000)
