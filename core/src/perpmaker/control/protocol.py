"""What goes over a control socket: one JSON object on one line each way, of bounded size and within a bounded time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perpmaker.errors import ExitCode, PayloadError

MOST_REQUEST = 65_536
"""Bytes of a request at most."""

MOST_ANSWER = 8_388_608
"""Bytes of an answer at most: a thousand levels with their reasons take less."""

DEADLINE_S = 10.0
"""Seconds that a whole exchange may take."""


def encode_line(content: Mapping[str, Any]) -> bytes:
    """Return an object as one line."""
    return msgspec.json.encode(content) + b"\n"


def decode_line(line: bytes) -> dict[str, Any]:
    """Return the object of one line.

    Raises:
        PayloadError: it is none.
    """
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise PayloadError(f"it is no JSON object on one line ({error})") from error


def refusal(error: str, code: ExitCode) -> dict[str, Any]:
    """Return the answer that says why something was not done."""
    return {"ok": False, "error": error, "code": code.value}
