"""The files of a recorded market: gzip text, read line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from perpmaker.errors import RecordingError
from perpmaker.simulation.recording_reader import Capture

_LONGEST_LINE = 16 * 1024 * 1024


def open_capture(path: Path) -> Capture:
    """A file as a capture; it is opened each time its lines are asked for."""
    return Capture(name=str(path), lines=partial(_lines, path))


def _lines(path: Path) -> Iterator[bytes]:
    """The lines; RecordingError in words for a file that cannot be read to its end."""
    try:
        with gzip.open(path, "rb") as file:
            yield from iter(partial(file.readline, _LONGEST_LINE), b"")
    except FileNotFoundError:
        reason = "there is no such file"
    except IsADirectoryError:
        reason = "it is a folder: name the files in it, in their order"
    except gzip.BadGzipFile:
        reason = "it is not a gzip file"
    except (EOFError, zlib.error):
        reason = "it is damaged or was cut off: gzip cannot read it to its end"
    except (OSError, ValueError) as error:
        reason = f"it cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        return

    raise RecordingError(reason, file=str(path))
