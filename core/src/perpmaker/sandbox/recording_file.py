"""The files of a recorded market: gzip text, read line by line."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from perpmaker.errors import RecordingCutError, RecordingError
from perpmaker.simulation.recording_reader import Capture

_LONGEST_LINE = 16 * 1024 * 1024
_BROKEN = "it is damaged or was cut off: gzip cannot read it to its end"


def open_capture(path: Path) -> Capture:
    """Return a file as a capture. It is opened each time its lines are asked for."""
    file = _File(path)

    return Capture(str(path), file.lines, file.portion)


class _File:
    """A file that is read again and again, and how far it is read just now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._raw: BinaryIO | None = None
        self._bytes = 0

    def lines(self) -> Iterator[bytes]:
        """Yield the lines. RecordingError in words for a file that cannot be read to its end."""
        with _worded(self._path), self._path.open("rb") as raw, gzip.open(raw, "rb") as text:
            self._raw, self._bytes = raw, raw.seek(0, os.SEEK_END)
            raw.seek(0)
            yield from iter(partial(text.readline, _LONGEST_LINE), b"")

    def portion(self) -> float:
        """Return how much of the file has been read, 0 to 1."""
        if self._raw is None or self._raw.closed or not self._bytes:
            return 0.0

        return self._raw.tell() / self._bytes


@contextmanager
def _worded(path: Path) -> Iterator[None]:
    """Say in words why a file cannot be read; RecordingCutError when it is good up to where it ends."""
    try:
        yield
    except FileNotFoundError:
        reason = "there is no such file"
    except IsADirectoryError:
        reason = "it is a folder: name the files in it, in their order"
    except gzip.BadGzipFile:
        reason = "it is not a gzip file"
    except EOFError:
        raise RecordingCutError(_BROKEN, file=str(path)) from None
    except zlib.error:
        reason = _BROKEN
    except (OSError, ValueError) as error:
        reason = f"it cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        return

    raise RecordingError(reason, file=str(path))
