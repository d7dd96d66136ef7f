"""Plays the points of a search on an executor, whichever it is, until each has its row; lost workers are borne."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.errors import SweepError
from perpmaker.sweep.figures import Objective, Row
from perpmaker.sweep.results_file import ResultsFile
from perpmaker.sweep.search import Search
from perpmaker.sweep.space import Point
from perpmaker.sweep.task import Play, Task, play_task

TRIES: Final = 3
"""Executors that may be lost in a row without a single row: then it is not chance that ends the workers."""

Executors = Callable[[], AbstractContextManager[Executor]]
"""Opens an executor: once, and again whenever it was lost."""


@attrs.define(kw_only=True)
class SweepRun:
    """A sweep while it is played.

    `key_of` names a task, `task_of` makes one of a point. `progress` is called for each row with the number of
    points that were played by then. `lost` are the exceptions by which an executor says that a worker of it is gone.
    """

    search: Search
    file: ResultsFile
    executors: Executors
    task_of: Callable[[Point], Task]
    key_of: Callable[[Task], str]
    play: Play
    objective: Objective
    progress: Callable[[Row, int], None]
    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
    played: int = attrs.field(default=0, init=False)
    """Points that were played now; the others were in the file."""

    def rows(self) -> Sequence[Row]:
        """Play what is not there yet. Return the row of every point, by number. Raises what a worker raised."""
        found: dict[int, Row] = {}

        while points := self.search.ask():
            batch = self._batch(points)
            found.update(batch)
            self.search.tell({number: self._score(row) for number, row in batch.items()})

        return [row for _, row in sorted(found.items())]

    def _score(self, row: Row) -> Decimal | None:
        return None if row.in_sample is None else self.objective.of(row.in_sample)

    def _batch(self, points: Sequence[Point]) -> Mapping[int, Row]:
        """Return the rows of points: those of the file, and the others as they are played."""
        tasks = [self.task_of(point) for point in points]
        keys = {task.point.number: self.key_of(task) for task in tasks}
        rows = {number: self.file.rows[key] for number, key in keys.items() if key in self.file.rows}
        rows = {number: attrs.evolve(row, number=number) for number, row in rows.items()}

        for row in rows.values():
            self.progress(row, self.played)

        fruitless = 0

        while missing := [task for task in tasks if task.point.number not in rows]:
            before = len(rows)

            try:
                with self.executors() as executor:
                    for row in self._played(executor, missing, keys):
                        rows[row.number] = row
            except self.lost as fault:
                fruitless = 0 if len(rows) > before else fruitless + 1

                if fruitless == TRIES:
                    raise SweepError(
                        f"workers ended {TRIES} times before any point was played ({fault}): too little memory is the "
                        "usual reason; try --jobs 1. What was played is kept"
                    ) from None

        return rows

    def _played(self, executor: Executor, tasks: Sequence[Task], keys: Mapping[int, str]) -> Iterable[Row]:
        """Play tasks, and yield the row of each once it is on the disk."""
        futures: list[Future[Row]] = [
            executor.submit(play_task, task, keys[task.point.number], self.play) for task in tasks
        ]

        lost: BaseException | None = None

        try:
            for future in as_completed(futures):
                try:
                    row = future.result()
                except self.lost as fault:  # others may have come to their end before
                    lost = fault
                    continue

                self.file.add(row)
                self.played += 1
                self.progress(row, self.played)
                yield row
        finally:
            for future in futures:
                future.cancel()

        if lost is not None:
            raise lost
