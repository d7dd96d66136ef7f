"""A sweep from what a person has asked for to its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from typing import Final

import attrs

from perpmaker.backtest.play import Backtest
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError, SweepError
from perpmaker.plugins.catalog import Catalog
from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.executors import lost_workers
from perpmaker.sweep.figures import Objective, Row
from perpmaker.sweep.play import code_of, play
from perpmaker.sweep.report import SweepReport
from perpmaker.sweep.results_file import ResultsFile
from perpmaker.sweep.run import Executors, SweepRun
from perpmaker.sweep.search import Search
from perpmaker.sweep.space import Axis, Point, grid
from perpmaker.sweep.task import Task, hash_of_code, hash_of_file
from perpmaker.sweep.verdict import verdict_of

FIXED: Final = frozenset({"strategy", "derivative", "market", "price_source", "sandbox"})
"""What the data, and the account, are of: other values would need other data."""

MOST_TRIED: Final = 1_000
"""Points that are looked at for one whose settings can be used."""


@attrs.frozen(kw_only=True)
class SweepJob:
    """What is to be played. `config` is the file, `configuration` one that some point makes of it."""

    config: Path
    configuration: Configuration
    overrides: tuple[str, ...]
    axes: tuple[Axis, ...]
    search: Search
    data: tuple[str, ...]
    assumed: Assumed
    in_sample: Window
    out_of_sample: Window | None
    objective: Objective

    def run(
        self, opened: Backtest, file: ResultsFile, executors: Executors, progress: Callable[[Row, int], None]
    ) -> tuple[SweepReport, int]:
        """Play it, and write its results. Return what it came to, and how many points were played now."""
        code = hash_of_code(code_of(self.configuration))
        config, data = hash_of_file(self.config), opened.columns.foot.key
        run = SweepRun(
            search=self.search,
            file=file,
            executors=executors,
            task_of=lambda point: attrs.evolve(self._task(point), config_hash=config, data_key=data),
            key_of=lambda task: task.key(code, config, data),
            play=play,
            objective=self.objective,
            progress=progress,
            lost=lost_workers(),
        )
        report = self._report(opened, tuple(run.rows()))
        file.finish(report.about(), report.rows)

        return report, run.played

    def _task(self, point: Point) -> Task:
        return Task(
            point=point,
            config=str(self.config),
            overrides=self.overrides,
            data=self.data,
            in_sample=self.in_sample,
            out_of_sample=self.out_of_sample,
            assumptions=self.assumed,
        )

    def _report(self, opened: Backtest, rows: tuple[Row, ...]) -> SweepReport:
        instrument = opened.columns.foot.instrument

        return SweepReport(
            config=str(self.config),
            connector=self.configuration.connector.name,
            market=self.configuration.run.market,
            quote=instrument.quote,
            data=self.data,
            keys=tuple(axis.key for axis in self.axes),
            objective=self.objective,
            assumed=self.assumed,
            in_sample=self.in_sample,
            out_of_sample=self.out_of_sample,
            rows=rows,
            verdict=verdict_of(rows, self.objective, self.search.is_random),
        )


def usable(config: Path, overrides: Sequence[str], axes: Sequence[Axis], catalog: Catalog) -> Configuration:
    """Return the configuration of the first point that has one.

    SweepError for a key that no sweep can vary, ConfigurationError, of the first point, where there is no such point.
    """
    _refuse_fixed(axes, FIXED)
    first: ConfigurationError | None = None

    for point in islice(_corners(axes), MOST_TRIED):
        try:
            found = load_configuration(config, (*overrides, *point.overrides), catalog)
        except ConfigurationError as fault:
            first = first or fault
        else:
            _refuse_fixed(axes, {found.connector.name})
            return found

    raise first or SweepError("--over asks for no point")


def _refuse_fixed(axes: Sequence[Axis], fixed: AbstractSet[str]) -> None:
    for axis in axes:
        if axis.key.partition(".")[0] in fixed:
            raise SweepError(f"--over {axis.key}: the data are of one market and one account; sweep each by itself")


def windows(opened: Backtest, begin_ns: int | None, end_ns: int | None, outside: float) -> tuple[Window, Window | None]:
    """Return the part of the data that points are ranked by, and the part behind it that is set aside, if any is.

    SweepError where nothing is left between the ends.
    """
    foot = opened.columns.foot
    begin = max(foot.first_ns, begin_ns or foot.first_ns)
    end = min(foot.last_ns, end_ns or foot.last_ns)

    if begin >= end:
        raise SweepError("between --from and --until there are no data")

    cut = end - round((end - begin) * outside)

    return Window(begin_ns=begin, end_ns=cut), Window(begin_ns=cut, end_ns=end) if cut < end else None


def _corners(axes: Sequence[Axis]) -> Iterable[Point]:
    """Every point of a grid; of a range its ends."""
    return grid([axis if axis.values else attrs.evolve(axis, values=axis.ends) for axis in axes])
