"""One point as a task: what a worker needs to play it, wherever it is, and the key that says whether it is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import attrs
import msgspec

from perpmaker.errors import PerpmakerError
from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.figures import Figures, Row
from perpmaker.sweep.space import Point


@attrs.frozen(kw_only=True)
class Task:
    """One point to play. All of it can be pickled, and is worth the same in any process."""

    point: Point
    config: str
    overrides: tuple[str, ...]
    data: tuple[str, ...]
    in_sample: Window
    out_of_sample: Window | None
    assumptions: Assumed

    def key(self, code: str, config: str, data: str) -> str:
        """Return what names the same point of the same sweep: the hashes of code, configuration and data go in."""
        parts = (code, config, data, self.overrides, self.point.values, self.in_sample, self.out_of_sample)

        return sha256(msgspec.json.encode((*parts, self.assumptions))).hexdigest()[:32]


Play = Callable[[Task, Window], Figures]
"""Plays a task over a window: a function of a module, so that it can be pickled."""


def play_task(task: Task, key: str, play: Play) -> Row:
    """Play a point, out of sample too. What refuses its settings becomes its row's reason; anything else is raised."""
    values = task.point.values

    try:
        inside = play(task, task.in_sample)
        outside = play(task, task.out_of_sample) if task.out_of_sample is not None else None
    except PerpmakerError as fault:
        return Row(key=key, number=task.point.number, values=values, refusal=str(fault))

    return Row(key=key, number=task.point.number, values=values, in_sample=inside, out_of_sample=outside)


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


def hash_of_code(folders: Iterable[Path]) -> str:
    """Return a hash of the Python sources below folders: a point that another version played is another point."""
    whole = sha256()

    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            whole.update(str(file.relative_to(folder)).encode())
            whole.update(sha256(file.read_bytes()).digest())

    return whole.hexdigest()
