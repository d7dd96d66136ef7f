"""A halt that outlives its run: the journal keeps it, and a start is refused until a person resumes.

`ExitCode.HALTED` is what latches: liquidation, deleveraging and whatever else a person has to look at before anything
is quoted again. Halts with other codes end with their run, because a start finds by itself whether their cause is still
there: a key that is refused (3), rules that have changed (3), a plugin that failed (6), a journal that could not be
written or another process on the same market (2).
"""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import msgspec

HALT = "halt"
"""Kind and name of the rows of halts and of their releases."""


@attrs.frozen(kw_only=True)
class HaltLatch:
    """Why nothing may be quoted until a person resumes, and since when in milliseconds since the epoch."""

    reason: str
    utc_ms: int

    def __str__(self) -> str:
        """Say it with the day and the time."""
        return f"{self.reason} ({datetime.fromtimestamp(self.utc_ms // 1000, UTC).replace(tzinfo=None)}Z)"


def encode_latch(latch: HaltLatch | None) -> bytes:
    """Encode a halt for a row of the journal. None is the row of a release."""
    return msgspec.json.encode(latch)


def decode_latch(payload: bytes, utc_ms: int) -> HaltLatch | None:
    """Decode a halt from a row of the journal, written at `utc_ms`.

    What cannot be read is a halt whose reason is not known.
    """
    try:
        return msgspec.json.decode(payload, type=HaltLatch | None)
    except msgspec.MsgspecError:
        return HaltLatch(reason="a halt whose row in the journal cannot be read", utc_ms=utc_ms)
