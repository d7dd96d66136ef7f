"""`perpmaker sweep CONFIG --over KEY=LOW..HIGH:COUNT --data FILES`: many settings over the same data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import click

from perpmaker.cli.assumptions import QUEUES, feed_lag, in_ns, order_latency, refuse_no_time
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.moment import Moment
from perpmaker.cli.output import claim, result
from perpmaker.cli.pace import Pace
from perpmaker.cli.screen import Screen, printable
from perpmaker.errors import SweepError

if TYPE_CHECKING:
    from perpmaker.backtest.play import Backtest  # not for --help
    from perpmaker.sweep.assumed import Assumed  # the same
    from perpmaker.sweep.figures import Row  # the same
    from perpmaker.sweep.job import SweepJob  # the same
    from perpmaker.sweep.report import SweepReport  # the same
    from perpmaker.sweep.run import Executors  # the same
    from perpmaker.sweep.search import Search  # the same
    from perpmaker.sweep.space import Axis  # the same

OUTSIDE: Final = 0.3
"""The part of the data that is set aside, at its end."""

PAGE: Final = "sweep.html"
_RESULTS: Final = "results.json"


class _Asked(TypedDict):
    """The options, as they were given."""

    config: Path
    over: tuple[str, ...]
    data: tuple[Path, ...]
    out: Path
    overrides: tuple[str, ...]
    points: int | None
    seed: int
    objective: str
    outside: float
    begin: int | None
    end: int | None
    order_latency_ms: str | None
    feed_latency: str
    queue: str
    jobs: int | None
    scheduler: str | None
    as_json: bool


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--over", multiple=True, required=True, metavar="KEY=LOW..HIGH:COUNT", help="Vary a key; or KEY=A,B,C.")
@click.option("--data", multiple=True, required=True, type=click.Path(path_type=Path), help="A capture, or a folder.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("sweep"), show_default=True, help="Keep it there.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--points", type=click.IntRange(1, 100_000), help="Search with so many points, instead of a grid.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of the search.")
@click.option(
    "--objective",
    type=click.Choice(["result", "bp-of-turnover", "result-over-drawdown"]),
    default="result",
    show_default=True,
    help="What makes a point good.",
)
@click.option(
    "--out-of-sample",
    "outside",
    type=click.FloatRange(0, 0.9),
    default=OUTSIDE,
    show_default=True,
    help="Part of the data, at its end, that no point is chosen by.",
)
@click.option("--from", "begin", type=Moment(), metavar="TIME", help="Begin at this time (UTC).")
@click.option("--until", "end", type=Moment(), metavar="TIME", help="End at this time (UTC).")
@click.option("--order-latency-ms", metavar="N|JOURNAL", help="How long orders are under way.")
@click.option("--feed-latency", default="recorded", metavar="recorded|N", help="How late market data come, in ms.")
@click.option("--queue", type=click.Choice(QUEUES), default=QUEUES[0], show_default=True)
@click.option("--jobs", type=click.IntRange(1, 1024), help="Processes; as many as processors if not given.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Play on the Dask cluster there.")
@click.option("--json", "as_json", is_flag=True, help="Print results.json.")
def sweep(**asked: Unpack[_Asked]) -> None:
    """Play CONFIG with many values of its keys over the same data, and show which were good, and whether by luck.

    Every combination of what --over names is played, each by a backtest; or, with --points, those that a search picks.
    The end of the data is set aside: points are ranked by the part before it, and shown with what they came to after.
    Each result is kept in the folder of --out as it comes: started again, the same command plays what is missing.
    """
    claim()
    refuse_no_time(asked["begin"], asked["end"])
    screen = Screen()

    try:
        shown = _Shown(screen)
        job, opened = _prepared(asked, shown)
        report, played = _played(job, opened, asked["out"], _executors(asked["jobs"], asked["scheduler"]), shown)
    finally:
        screen.close()

    if asked["as_json"]:
        result((asked["out"] / _RESULTS).read_text(encoding="utf-8"), as_json=True)
    else:
        result("\n".join(map(printable, report.lines(played, asked["out"]))))


def _prepared(asked: _Asked, shown: _Shown) -> tuple[SweepJob, Backtest]:
    """Read what is needed to begin, and refuse what cannot be played. The data are converted if they have not been."""
    from perpmaker.backtest.capture_files import captures_in  # noqa: PLC0415  # not for --help
    from perpmaker.sweep.figures import Objective  # noqa: PLC0415  # the same
    from perpmaker.sweep.job import SweepJob, usable, windows  # noqa: PLC0415  # the same
    from perpmaker.sweep.play import open_data  # noqa: PLC0415  # the same
    from perpmaker.sweep.space import check_axes, parse_axis  # noqa: PLC0415  # the same

    axes = tuple(parse_axis(text) for text in asked["over"])
    check_axes(axes)
    search = _search(axes, asked["points"], asked["seed"])
    config = asked["config"].resolve()
    configuration = usable(config, asked["overrides"], axes, open_catalog())
    files = tuple(str(file.resolve()) for file in captures_in(asked["data"]))
    assumed = _assumed(asked["order_latency_ms"], asked["feed_latency"], asked["queue"])

    with watched(shown.screen.tell):
        opened = open_data(configuration, files, assumed, shown.reading)

    inside, aside = windows(opened, in_ns(asked["begin"]), in_ns(asked["end"]), asked["outside"])
    job = SweepJob(
        config=config,
        configuration=configuration,
        overrides=asked["overrides"],
        axes=axes,
        search=search,
        data=files,
        assumed=assumed,
        in_sample=inside,
        out_of_sample=aside,
        objective=Objective(asked["objective"]),
    )

    return job, opened


def _played(job: SweepJob, opened: Backtest, out: Path, executors: Executors, shown: _Shown) -> tuple[SweepReport, int]:
    """Play it, and write its files. Ctrl-C leaves what there is, and says how to go on."""
    from perpmaker.sweep.page import sweep_page  # noqa: PLC0415  # not for --help
    from perpmaker.sweep.results_file import RESULTS, ResultsFile  # noqa: PLC0415  # the same

    shown.total = job.search.total

    with ResultsFile(out) as file:
        try:
            report, played = job.run(opened, file, executors, shown.row)
        except KeyboardInterrupt:
            count = f"{len(file.rows):,} points are kept in {out}"
            shown.screen.tell(f"stopped: {count}; the same command plays what is missing")
            raise

        page = out / PAGE

        try:
            page.write_text(sweep_page(report), encoding="utf-8")
        except OSError as fault:
            raise SweepError(f"{page}: {fault.strerror}: the results are in {out / RESULTS}") from None

    return report, played


def _search(axes: Sequence[Axis], points: int | None, seed: int) -> Search:
    from perpmaker.sweep.search import GridSearch, LearningSearch  # noqa: PLC0415  # not for --help

    return GridSearch(axes) if points is None else LearningSearch(axes, points, seed)


def _assumed(order_latency_ms: str | None, feed_latency: str, queue: str) -> Assumed:
    from perpmaker.sweep.assumed import Assumed  # noqa: PLC0415  # not for --help

    latency = order_latency(order_latency_ms)

    return Assumed(
        source=latency.source,
        usual_ns=latency.usual_ns,
        busy_ns=latency.busy_ns,
        feed_ns=feed_lag(feed_latency).lag_ns,
        queue=queue,
    )


def _executors(jobs: int | None, scheduler: str | None) -> Executors:
    from perpmaker.sweep.executors import cluster, process_pool  # noqa: PLC0415  # not for --help

    if scheduler is None:
        return lambda: process_pool(jobs or os.cpu_count() or 1)

    if jobs is not None:
        raise click.UsageError("--jobs is for this machine; a cluster has as many workers as it was given")

    return lambda: cluster(scheduler)


class _Shown(Pace):
    """Shows how far it is: over the line before on a terminal, now and then in a log."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self.total = 0
        self._count = 0
        self._began_at = monotonic()
        self._best: Decimal | None = None

    def row(self, row: Row, played: int) -> None:
        """Show how far the points are, and when the last will be there at this pace."""
        self._count += 1

        if played == 1:
            self._began_at = monotonic()

        if row.in_sample is not None:
            found = row.in_sample.result
            self._best = found if self._best is None else max(self._best, found)

        if not self.is_due():
            return

        best = "" if self._best is None else f", best result {self._best:+,.2f}"
        pace = played / max(monotonic() - self._began_at, 1e-9)
        left = f", {(self.total - self._count) / pace:,.0f} s left" if played > 1 else ""
        self.screen.draw(f"sweep: {self._count:,} of {self.total:,} points{left}{best} (Ctrl-C stops)")
