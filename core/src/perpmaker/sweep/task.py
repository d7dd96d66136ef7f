"""One point as a task: what a worker needs to play it, wherever it is, and the key that says whether it is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import attrs
import msgspec

from perpmaker.errors import PerpmakerError, RecordingError, SweepError
from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.figures import Figures, Row
from perpmaker.sweep.space import Point


@attrs.frozen(kw_only=True)
class Task:
    """One point to play. All of it can be pickled, and is worth the same in any process.

    `config_hash` and `data_key` say what file and data are meant; empty: whatever is there.
    """

    point: Point
    config: str
    overrides: tuple[str, ...]
    data: tuple[str, ...]
    in_sample: Window
    out_of_sample: Window | None
    assumptions: Assumed
    config_hash: str = ""
    data_key: str = ""

    def key(self, code: str, config: str, data: str) -> str:
        """Return what names the same point of the same sweep: the hashes of code, configuration and data go in."""
        parts = (code, config, data, self.overrides, self.point.values, self.in_sample, self.out_of_sample)

        return sha256(msgspec.json.encode((*parts, self.assumptions))).hexdigest()[:32]


Play = Callable[[Task, Window], Figures]
"""Plays a task over a window: a function of a module, so that it can be pickled."""


def play_task(task: Task, key: str, play: Play) -> Row:
    """Play a point, out of sample too. What refuses its settings becomes its row's reason; anything else is raised.

    What is wrong with the data, or with the place where a worker looks for them, is no refusal: a row is never played
    again, and that may be mended.
    """
    values = task.point.values

    try:
        inside = play(task, task.in_sample)
        outside = play(task, task.out_of_sample) if task.out_of_sample is not None else None
    except RecordingError as fault:  # as an error that can be pickled
        raise SweepError(f"{fault}. What was played is kept; mend that, and start the same command again") from None
    except SweepError:
        raise
    except PerpmakerError as fault:
        return Row(key=key, number=task.point.number, values=values, refusal=str(fault))

    return Row(key=key, number=task.point.number, values=values, in_sample=inside, out_of_sample=outside)


def hash_of_file(file: Path) -> str:
    """Return a hash of what is in a file. SweepError where it cannot be read."""
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as fault:
        raise SweepError(f"{file}: {fault.strerror or fault}") from None


def hash_of_files(files: Iterable[Path]) -> str:
    """Return a hash of what is in files, in their order, whatever they are called and wherever they are."""
    whole = sha256()

    for file in files:
        with file.open("rb") as content:
            part = sha256()

            while chunk := content.read(1 << 20):
                part.update(chunk)

            whole.update(part.digest())

    return whole.hexdigest()


def hash_of_code(places: Iterable[Path]) -> str:
    """Return a hash of Python files, and of those below folders: what another version played is another point."""
    whole = sha256()

    for place in places:
        for file in sorted(place.rglob("*.py")) if place.is_dir() else (place,):
            whole.update(str(file.relative_to(place)).encode())
            whole.update(sha256(file.read_bytes()).digest())

    return whole.hexdigest()
