"""Where the frames of a WebSocket begin and end (RFC 6455, section 5.2), and the text of those that are whole messages.

Nearly all that a venue sends are text messages of one frame. A protocol engine takes some 25 us for each of them,
because it is ready for everything else as well: here such a message is taken as it is, and the rest is the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

_WHOLE_TEXT = 0x81
_FINAL = 0x80
_OPCODE = 0x0F
_LAST_DATA = 2
"""The largest opcode of a frame that is part of a message; the others are control frames."""

_MASKED = 0x80
_MASK_BYTES = 4
_LENGTH = 0x7F
_LENGTH_BYTES = {126: 2, 127: 8}
_LEAST = {2: 0, 4: 126, 10: 65_536}
"""The shortest payload behind a header of so many bytes, mask excluded; a longer header than need be is an error."""


class FrameCutter:
    """Cuts the bytes of one connection, in whatever pieces they come.

    Args:
        max_bytes: the longest message that is waited for; a longer one is the engine's from its first byte.
    """

    __slots__ = ("_came", "_is_amid", "_max_bytes", "_owed")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._came = bytearray()
        self._owed = 0  # bytes of a frame that is the engine's, still to come
        self._is_amid = False  # in a message of several frames

    def cut(self, data: bytes) -> Iterator[str | bytes]:
        """Yield in order the text of each whole text message, and as bytes what the engine has to read."""
        came, at = self._came, 0
        came += data

        while at < len(came):
            if self._owed:
                piece = bytes(came[at : at + self._owed])
                self._owed -= len(piece)
                at += len(piece)
                yield piece
                continue

            start, end = _payload(came, at)
            is_text = self._is_text(came, at, start, end)

            if start > len(came) or (is_text and end > len(came)):
                break

            text = _decoded(came[start:end]) if is_text else None

            if text is None:
                self._owed = end - at
                self._note(came[at])
            else:
                at = end
                yield text

        del came[:at]

    def _is_text(self, came: bytearray, at: int, start: int, end: int) -> bool:
        """Whether the frame at `at` is a whole text message, as far as its header tells."""
        return (
            came[at] == _WHOLE_TEXT
            and not self._is_amid
            and _LEAST.get(start - at, inf) <= end - start <= self._max_bytes
        )

    def _note(self, first: int) -> None:
        """Follow whether a message goes on after the frame with this first byte."""
        if first & _OPCODE <= _LAST_DATA:
            self._is_amid = not first & _FINAL


def _payload(came: bytearray, at: int) -> tuple[int, int]:
    """Return where the payload of the frame at `at` begins and ends; behind `came` while the header is not whole."""
    start = at + 2

    if start > len(came):
        return start, start

    length = came[at + 1] & _LENGTH

    if length in _LENGTH_BYTES:
        begin, start = start, start + _LENGTH_BYTES[length]
        length = int.from_bytes(came[begin:start], "big")

    if came[at + 1] & _MASKED:
        start += _MASK_BYTES

    return start, start + length


def _decoded(payload: bytearray) -> str | None:
    """Return the text, None where it is none: what follows from that is the engine's."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
