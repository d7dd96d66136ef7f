"""The files of a recorded market: text in gzip or zstd, or as it is, read line by line."""

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
from perpmaker.sandbox.compression import open_decompressed, zstd_module
from perpmaker.simulation.recording_reader import Capture

_LONGEST_LINE = 16 * 1024 * 1024
_WORDS = {
    FileNotFoundError: "there is no such file",
    IsADirectoryError: "it is a folder: name the files in it, in their order",
    gzip.BadGzipFile: "it is no capture: neither lines that begin with a time, nor gzip or zstd of such",
}
_READING = (OSError, ValueError)
_BROKEN = "it is damaged or was cut off: it cannot be decompressed to its end"


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
        with _worded(self._path), self._path.open("rb") as raw:
            self._raw, self._bytes = raw, raw.seek(0, os.SEEK_END)
            raw.seek(0)
            text = open_decompressed(raw)
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
    except EOFError:
        raise RecordingCutError(_BROKEN, file=str(path)) from None
    except Exception as error:
        reason = _reason(error)

        if reason is None:
            raise

        raise RecordingError(reason, file=str(path)) from None


def _reason(error: Exception) -> str | None:
    """Why a file cannot be read; None for what is no fault of a file."""
    module = zstd_module()

    if isinstance(error, zlib.error) or (module is not None and isinstance(error, module.ZstdError)):
        return _BROKEN

    if isinstance(error, ImportError):
        return str(error)

    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words

    return f"it cannot be read: {getattr(error, 'strerror', None) or error}" if isinstance(error, _READING) else None
