"""Plays one point in a worker: the backtest of its settings over a part of the data."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import attrs

from perpmaker.arithmetic import own_arithmetic
from perpmaker.backtest.play import Backtest, open_backtest
from perpmaker.backtest.result import Result
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.errors import SweepError
from perpmaker.journal.state_dir import state_root
from perpmaker.launch.configured_plan import plan_of
from perpmaker.plugins.catalog import Catalog, load_catalog
from perpmaker.simulation.recording_check import Progress as Reading
from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.figures import Figures
from perpmaker.sweep.task import Task, hash_of_file

_ZERO: Final = Decimal(0)
_AGAIN: Final = "start the same command again, which plays what is missing"


def play(task: Task, window: Window) -> Figures:
    """Play a point over a window. PerpmakerError where its settings, or the data, do not allow it."""
    if task.config_hash and hash_of_file(Path(task.config)) != task.config_hash:
        raise SweepError(f"{task.config} is another one than when the sweep began: {_AGAIN}")

    with own_arithmetic():
        configuration = load_configuration(Path(task.config), (*task.overrides, *task.point.overrides), _catalog())
        made = backtest_of(configuration, task.data, task.assumptions, window)

        if task.data_key and made.columns.foot.key != task.data_key:
            raise SweepError(f"the data are others than when the sweep began ({', '.join(task.data)}): {_AGAIN}")

        for _ in made.run():
            pass

        return figures_of(made.result())


def backtest_of(configuration: Configuration, data: tuple[str, ...], assumed: Assumed, window: Window) -> Backtest:
    """Return the backtest of a configuration. The data are looked at once a process, whatever is played over them."""
    key = (configuration.connector.name, configuration.run.market, data, assumed)

    if key not in _opened:
        _opened.clear()
        _opened[key] = open_data(configuration, data, assumed)

    base = _opened[key]

    return Backtest(
        configuration=configuration,
        plan=plan_of(configuration),
        columns=base.columns,
        terms=attrs.evolve(assumed.terms(window), latency=base.terms.latency),
        sources=base.sources,
    )


def figures_of(result: Result) -> Figures:
    """Return what a sweep keeps of a result."""
    money, split = result.money, result.pnl

    return Figures(
        result=money.result if split.total is None else split.total,
        fees=split.fees,
        funding=split.funding,
        turnover=money.volume,
        drawdown=_ZERO if result.drawdown is None else result.drawdown.amount,
        fills=money.fills,
    )


def open_data(
    configuration: Configuration,
    data: tuple[str, ...],
    assumed: Assumed,
    on_read: Callable[[Reading], None] = lambda _: None,
) -> Backtest:
    """Open the data, which are converted where they have not been, and return a backtest over all of them."""
    files = [Path(file) for file in data]

    return open_backtest(configuration, files, assumed.terms(None), state_root(os.environ) / "columns", on_read)


def code_of(configuration: Configuration) -> Iterator[Path]:
    """The folders, or single files, whose code decides what a point comes to: the core, and the plugins named."""
    named: Iterable[Any] = (
        configuration.strategy,
        configuration.connector,
        configuration.price_source,
        *configuration.risk,
    )
    names = {"perpmaker", *(name for chosen in named for name in _packages(chosen.declaration))}

    for name in sorted(names & sys.modules.keys()):
        module = sys.modules[name]
        file = getattr(module, "__file__", None)
        yield from map(Path, getattr(module, "__path__", () if file is None else (file,)))


def _packages(declaration: object) -> Iterator[str]:
    """The packages of a plugin: its settings may be of another one than what is made of them."""
    for part in ("settings", "build", "open"):
        yield getattr(getattr(declaration, part, None), "__module__", "perpmaker").partition(".")[0]


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return load_catalog()


_opened: dict[tuple[str, str, tuple[str, ...], Assumed], Backtest] = {}
"""The data that this process plays points over, by what they are."""
