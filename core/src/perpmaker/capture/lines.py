"""The lines of a recording between the moment they come and the moment they are written: timed, in order, counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from perpmaker.capture.files import CaptureFiles, next_midnight_ns
from perpmaker.connector.tape import Raw
from perpmaker.simulation.recording_note import Note, encode_note

MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes that may wait for the disk. What comes while more do is not kept: memory has an end."""


@attrs.frozen
class NextFile:
    """In between lines: here begins a file."""

    begins_ns: int


Piece: TypeAlias = bytes | NextFile


class Lines:
    """Keeps lines until they are taken to be written. No line is older than the one before it.

    Args:
        utc_ns: tells the time, nanoseconds since the epoch.
        head: makes the first line of each file, when it begins.
        tail: makes the last line of each file but the last, given why it ends.
    """

    def __init__(self, utc_ns: Callable[[], int], head: Callable[[], Note], tail: Callable[[str], Note]) -> None:
        self.messages = 0
        """Messages of the venue so far."""

        self.last_ns = 0
        """When the last line came."""

        self.is_full = False
        """Whether something was not kept, because too much waits for the disk."""

        self._utc_ns = utc_ns
        self._head, self._tail = head, tail
        self._midnight_ns = 0
        self._pieces: list[Piece] = []
        self._held = 0

    def begin(self) -> None:
        """Begin a file, now."""
        self._open(self._now_ns())

    def keep(self, message: Raw) -> None:
        """Keep a message of the venue as it came, but for line ends within it, which are spaces to JSON."""
        now_ns = self._now_ns()

        if now_ns >= self._midnight_ns:
            self._open(now_ns)

        text = message.encode() if isinstance(message, str) else message

        if b"\n" in text or b"\r" in text:
            text = text.replace(b"\r", b" ").replace(b"\n", b" ")

        self.messages += 1
        self._put(now_ns, text)

    def note(self, note: Note) -> None:
        """Keep a line of our own."""
        self._put(self._now_ns(), encode_note(note))

    def take(self) -> list[Piece]:
        """Return what there is to be written, and keep it no longer."""
        pieces, self._pieces, self._held = self._pieces, [], 0

        return pieces

    def _open(self, now_ns: int) -> None:
        if self._midnight_ns:
            self._put(now_ns, encode_note(self._tail("the day is over")))

        self._midnight_ns = next_midnight_ns(now_ns)
        self._pieces.append(NextFile(now_ns))
        self._put(now_ns, encode_note(self._head()))

    def _put(self, now_ns: int, text: bytes) -> None:
        if self._held > MOST_HELD:
            self.is_full = True
            return

        line = b"%d %b\n" % (now_ns, text)
        self._held += len(line)
        self._pieces.append(line)

    def _now_ns(self) -> int:
        """The time, which here never goes back: where the machine's clock is set back, it stands still meanwhile."""
        self.last_ns = max(self.last_ns, self._utc_ns())

        return self.last_ns


def write(files: CaptureFiles, pieces: list[Piece]) -> None:
    """Write what was taken, file by file."""
    lines: list[bytes] = []

    for piece in pieces:
        if isinstance(piece, NextFile):
            files.write(b"".join(lines))
            lines.clear()
            files.begin(piece.begins_ns)
        else:
            lines.append(piece)

    files.write(b"".join(lines))
