"""One line of a raw capture: `<local timestamp> <json>`.

The timestamp is in microseconds or nanoseconds, told apart by its size. What the JSON says is the venue's dialect.
"""

from __future__ import annotations

from typing import Final

import msgspec

_MICROSECONDS: Final = range(10**15, 10**17)
_NANOSECONDS: Final = range(10**18, 10**20)
_LONGEST_STAMP: Final = 20
_SHOWN: Final = 60
_TRUNCATED: Final = "truncated"  # msgspec's word for JSON that ends too early


def split_line(line: bytes) -> tuple[int, bytes]:
    """Split a line into its local time in nanoseconds and its JSON.

    ValueError, with words, without a time.
    """
    stamp, _, text = line.partition(b" ")

    if stamp.isdigit() and len(stamp) <= _LONGEST_STAMP:
        number = int(stamp)

        if number in _NANOSECONDS:
            return number, text

        if number in _MICROSECONDS:
            return number * 1000, text

    shown = ascii(stamp[:_SHOWN].decode(errors="replace"))
    raise ValueError(f"it does not begin with a time in micro- or nanoseconds, but with {shown}")


def is_cut_line(line: bytes) -> bool:
    """Return whether a line is the beginning of one whose writer did not finish it: it has no end, and no fault."""
    stamp, space, text = line.partition(b" ")

    if line.endswith(b"\n") or not stamp.isdigit() or len(stamp) > _LONGEST_STAMP:
        return False

    if not space or not text:
        return True

    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        return text.startswith(b"{") and _TRUNCATED in str(error)

    return False
