"""`perpmaker backtest CONFIG --data FILES`: the trader over recorded data, and what it would have come to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import click

from perpmaker.cli.assumptions import QUEUES, feed_lag, in_ns, order_latency, refuse_no_time
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.moment import Moment
from perpmaker.cli.output import claim, result
from perpmaker.cli.pace import Pace
from perpmaker.cli.report import refuse_to_replace, refuse_to_replace_by_result, write_page
from perpmaker.cli.screen import Screen, printable
from perpmaker.errors import ResultError

if TYPE_CHECKING:
    from perpmaker.backtest.driver import Progress  # not for --help
    from perpmaker.backtest.play import Backtest  # the same
    from perpmaker.backtest.result import Result  # the same


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--data", multiple=True, required=True, type=click.Path(path_type=Path), help="A capture, or a folder.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--from", "begin", type=Moment(), metavar="TIME", help="Begin at this time (UTC).")
@click.option("--until", "end", type=Moment(), metavar="TIME", help="End at this time (UTC).")
@click.option("--order-latency-ms", metavar="N|JOURNAL", help="How long orders are under way.")
@click.option("--feed-latency", default="recorded", metavar="recorded|N", help="How late market data come, in ms.")
@click.option("--queue", type=click.Choice(QUEUES), default=QUEUES[0], show_default=True)
@click.option("--report", "page_file", type=click.Path(path_type=Path), metavar="FILE.html", help="Write a page.")
@click.option("--force", is_flag=True, help="Replace a file that is no report, or no result.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("--result", "result_file", type=click.Path(path_type=Path), help="Write the result to this file.")
def backtest(  # one for each option
    config: Path,
    data: tuple[Path, ...],
    overrides: tuple[str, ...],
    *,
    begin: int | None,
    end: int | None,
    order_latency_ms: str | None,
    feed_latency: str,
    queue: str,
    page_file: Path | None,
    force: bool,
    as_json: bool,
    result_file: Path | None,
) -> None:
    """Run what CONFIG says over recorded data, and show what it would have come to.

    The data are captures of the venue's public streams, as `perpmaker record` writes them; each is converted once, to
    a file beside it. The trader is the one that runs live: queue, latency, fees, funding, margin and liquidation are
    in the run. Nothing is connected or sent. Ctrl-C ends it, and shows what there is.
    """
    from perpmaker.backtest.capture_files import captures_in  # noqa: PLC0415  # not for --help
    from perpmaker.backtest.driver import Window  # noqa: PLC0415  # the same
    from perpmaker.backtest.play import Terms, open_backtest  # noqa: PLC0415  # the same
    from perpmaker.backtest.words import page  # noqa: PLC0415  # the same
    from perpmaker.config.loading import load_configuration  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import state_root  # noqa: PLC0415  # the same

    claim()
    _refuse_slips(begin, end, page_file, result_file, force=force)
    configuration = load_configuration(config, overrides, open_catalog())
    files = captures_in(data)
    screen = Screen()
    shown = _Shown(screen)
    terms = Terms(
        latency=order_latency(order_latency_ms),
        feed=feed_lag(feed_latency),
        window=Window(from_ns=in_ns(begin), until_ns=in_ns(end)),
        queue=queue,
    )

    try:
        with watched(screen.tell):
            made = open_backtest(configuration, files, terms, state_root(os.environ) / "columns", shown.reading)
            stopped = _carried_out(made, shown)
    finally:
        screen.close()

    found = made.result()

    if result_file is not None:
        _keep(result_file, found)

    if page_file is not None:
        screen.tell(write_page(page_file, found))

    if as_json:
        result(found.as_json().decode(), as_json=True)
    else:
        result("\n".join(map(printable, page(made, found, stopped=stopped))))


def _refuse_slips(
    begin: int | None, end: int | None, page_file: Path | None, result_file: Path | None, *, force: bool
) -> None:
    """Refuse, before anything is run, a window without time, and files that are there and are none of ours."""
    refuse_no_time(begin, end)
    refuse_to_replace(page_file, force=force)
    refuse_to_replace_by_result(result_file, force=force)


def _keep(file: Path, found: Result) -> None:
    from perpmaker.backtest.result import write_result  # noqa: PLC0415  # not for --help

    try:
        write_result(file, found)
    except OSError as error:
        raise ResultError(f"{file} cannot be written: {error.strerror or error}") from error


def _carried_out(made: Backtest, shown: _Shown) -> bool:
    """Run it, and run it with more latency; whether a person has ended it before its end."""
    from perpmaker.backtest.play import SLOWER  # noqa: PLC0415  # the same

    try:
        shown.run(made.run(), made.columns.foot.rows, "backtest")
        shown.run(made.try_slower(), made.columns.foot.rows, f"at {SLOWER} times the latency")
    except KeyboardInterrupt:
        return True

    return False


class _Shown(Pace):
    """Shows how far it is: over the line before on a terminal, now and then in a log."""

    def run(self, steps: Iterator[Progress], rows: int, what: str) -> None:
        """Carry out a run, and show how far it is."""
        from perpmaker.backtest.words import progress_line  # noqa: PLC0415  # not for --help

        began_s = process_time()

        for progress in steps:
            if self.is_due() and progress.portion > 0:
                took_s = process_time() - began_s
                done = rows * progress.portion
                left_s = took_s * (1 - progress.portion) / progress.portion
                self.screen.draw(progress_line(progress, done / max(took_s, 1e-9), left_s, what=what))
