"""The captures of a backtest as one column file: written beside them the first time, and read from then on."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from perpmaker.backtest.columns import VERSION, ColumnFile
from perpmaker.backtest.conversion import convert
from perpmaker.errors import RecordingError
from perpmaker.model.instrument import Instrument
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.simulation.recording_check import Progress
from perpmaker.simulation.recording_reader import CaptureDialect, Recording

SUFFIX = ".columns"
_KEY_DIGITS = 16
_BLOCK = 1 << 20


def captures_in(data: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files that are meant, in order: those named, and of a folder all captures in it, by name.

    RecordingError for a folder without any.
    """
    found: list[Path] = []

    for path in data:
        if not path.is_dir():
            found.append(path)
            continue

        within = sorted(file for file in path.iterdir() if file.is_file() and _is_capture(file))

        if not within:
            raise RecordingError("there is no capture in this folder (*.gz, *.zst)", file=str(path))

        found += within

    return tuple(found)


def _is_capture(file: Path) -> bool:
    return file.suffix in {".gz", ".zst"} and not file.name.startswith(".")


def open_columns(
    files: Sequence[Path], instrument: Instrument, dialect: CaptureDialect, spare: Path
) -> Generator[Progress, None, ColumnFile]:
    """Return the column file of a capture, saying how far it is where it has to be made.

    It stands beside the first file of the capture, or in the folder `spare` where that cannot be written to.
    RecordingError for what is wrong with the capture.
    """
    key = _key_of(files, instrument)
    name = f"{files[0].name}.{key[:_KEY_DIGITS]}{SUFFIX}"
    places = (files[0].parent / name, spare / name)

    for place in places:
        with suppress(RecordingError):  # not there, of another version, or cut off: made anew
            found = ColumnFile(place)

            if found.foot.key == key:
                return found

    place = places[0] if os.access(files[0].parent, os.W_OK) else places[1]
    place.parent.mkdir(parents=True, exist_ok=True)
    recording = Recording(instrument, [open_capture(file) for file in files], dialect)

    try:
        yield from convert(recording, place, key)
    except OSError as error:
        raise RecordingError(f"it cannot be written: {error.strerror or error}", file=str(place)) from None

    return ColumnFile(place)


def _key_of(files: Sequence[Path], instrument: Instrument) -> str:
    """Return the key of a capture: of what its files hold, of the market's rules, and of what converts."""
    digest = blake2b(f"{VERSION}".encode(), digest_size=32)
    digest.update(msgspec.json.encode(instrument))

    for file in files:
        try:
            with file.open("rb") as content:
                digest.update(f"{file.stat().st_size}".encode())

                while block := content.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read: {error}"
            raise RecordingError(reason, file=str(file)) from None

    return digest.hexdigest()
