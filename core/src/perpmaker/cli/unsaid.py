"""What a command had to say last and could not: to no terminal, pipe or disk. It is kept in the state directory."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import gmtime, strftime
from typing import Final

from perpmaker.journal.private_file import open_private_file

MOST_BYTES: Final = 65_536
"""How much of what was said last is remembered."""

MOST_FILES: Final = 20
"""How many files are kept; the oldest go."""

_PATTERN = "unsaid-*.txt"
DRAWN_OVER: Final = "\x1b[?2026h"
"""Begins what is drawn over again in a moment, and is nobody's last word."""

_OVER = DRAWN_OVER.encode()
_DRAWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Unsaid:
    """Remembers what was said last, for when it turns out that it was not taken.

    `directory` None: nothing is kept.
    """

    def __init__(self) -> None:
        self.directory: Path | None = None
        self._said: deque[bytes] = deque()
        self._size = 0

    def remember(self, content: bytes) -> None:
        """Take in what is to be written; not what will be drawn over."""
        if content.startswith(_OVER):
            return

        self._said.append(content)
        self._size += len(content)

        while self._size > MOST_BYTES:
            self._size -= len(self._said.popleft())

    def keep(self, why: str) -> None:
        """Keep the last lines in a file. Where not even that can be written, nothing is left to do."""
        if self.directory is None or not (text := self._text()):
            return

        stamp = strftime("%Y-%m-%d %H:%M:%S", gmtime())
        name = f"unsaid-{strftime('%Y%m%dT%H%M%S', gmtime())}-{os.getpid()}.txt"

        with suppress(OSError):
            with os.fdopen(open_private_file(self.directory / name), "w", encoding="utf-8") as file:
                file.write(
                    f"At {stamp}Z nobody took what perpmaker wrote ({why}). The last that it had to say:\n\n{text}"
                )

            for old in sorted(self.directory.glob(_PATTERN))[:-MOST_FILES]:
                old.unlink()

    def _text(self) -> str:
        """The lines that stay; of one that was drawn over, the last state."""
        said = b"".join(self._said).decode(errors="replace")
        lines = (_DRAWN.sub("", line.rpartition("\r")[2]).rstrip() for line in said.split("\n"))

        return "\n".join(lines).strip("\n") + "\n" if said.strip() else ""


def earlier(directory: Path) -> Iterator[str]:
    """Yield the lines about earlier ends that no person has read."""
    for path in sorted(directory.glob(_PATTERN)):
        yield f"an earlier run could not show how it ended: its last lines are in {path}; delete it once it is read"
