"""The files of one recording: written by whoever is given the disk's time, each in a name that says when it begins."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Final

from perpmaker.errors import CaptureError
from perpmaker.sandbox.compression import COMPRESSIONS, Compressor

_NS_PER_S: Final = 1_000_000_000
_MOST_TRIES: Final = 60


def file_name(prefix: str, begins_ns: int, suffix: str) -> str:
    """Return the name of a file: by name, those of a market are in the order of their times."""
    begins = datetime.fromtimestamp(begins_ns // _NS_PER_S, UTC)

    return f"{prefix}_{begins:%Y%m%dT%H%M%SZ}{suffix}"


class CaptureFiles:
    """Writes one file after the other into a folder. CaptureError, in words, for what the disk refuses.

    Args:
        folder: where to; it is made where it is not there.
        prefix: how the names begin.
        compression: of `COMPRESSIONS`.
    """

    def __init__(self, folder: Path, prefix: str, compression: str) -> None:
        self.names: list[str] = []
        """The names of the files so far."""

        self.bytes_written = 0
        self._folder = folder
        self._prefix = prefix
        self._suffix, self._new_compressor = COMPRESSIONS[compression]
        self._file: FileIO | None = None
        self._compressor: Compressor | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to."""
        return self._file is not None

    def prepare(self) -> None:
        """Make the folder; CaptureError where it cannot be written to."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            words = f"{self._folder}: {error.strerror or error}: choose another folder with --out"
            raise CaptureError(words) from None

        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise CaptureError(f"{self._folder}: this user may not write there: choose another folder with --out")

    def begin(self, begins_ns: int) -> None:
        """End the present file, and begin the next."""
        self.end()
        self._compressor = self._new_compressor()
        self._file = self._create(begins_ns)

    def write(self, lines: bytes) -> None:
        """Write lines, up to the last of them: a reader finds them also when nothing follows any more."""
        if self._file is None or self._compressor is None or not lines:
            return

        self._put(self._compressor.compress(lines) + self._compressor.sync())

    def end(self) -> None:
        """End the present file, and have it on the disk."""
        if self._file is None or self._compressor is None:
            return

        file, path = self._file, self._path()

        try:
            self._put(self._compressor.finish())
            os.fsync(file.fileno())
        except OSError as error:
            raise _refused(path, error) from None
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the present file as it is."""
        file, self._file, self._compressor = self._file, None, None

        if file is not None:
            with suppress(OSError):
                file.close()

    def _create(self, begins_ns: int) -> FileIO:
        """Create a file that was not there: a recording before this one may have begun in the same second."""
        for second in range(_MOST_TRIES):
            later = begins_ns + second * _NS_PER_S
            path = self._folder / file_name(self._prefix, later, self._suffix)

            try:
                file = path.open("xb", buffering=0)
            except FileExistsError:
                continue
            except OSError as error:
                raise _refused(path, error) from None

            self.names.append(path.name)

            return file

        raise CaptureError(f"{path}: the file is there, and so are those of the next {_MOST_TRIES} s")

    def _put(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101  # asked by the callers
        rest = memoryview(data)

        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _refused(self._path(), error) from None

        self.bytes_written += len(data)

    def _path(self) -> Path:
        return self._folder / self.names[-1]


def next_midnight_ns(at_ns: int) -> int:
    """Return when the day of a moment ends, in UTC."""
    day = datetime.fromtimestamp(at_ns // _NS_PER_S, UTC).replace(hour=0, minute=0, second=0)

    return int((day + timedelta(days=1)).timestamp()) * _NS_PER_S


def _refused(path: Path, error: OSError) -> CaptureError:
    """What the disk refuses, in words; what was written before stays and can be read."""
    return CaptureError(
        f"{path}: {error.strerror or error}: the recording ends here, and what was written before can be used"
    )
