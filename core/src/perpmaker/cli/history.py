"""`perpmaker history [NAME]`: one ledger of a bot, while it runs or after it has ended."""

from __future__ import annotations

import os

import click

from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable


@click.command()
@click.argument("name", required=False)
@click.option(
    "--days", type=click.IntRange(min=1), metavar="N", help="The last N days alone, by UTC, today among them."
)
@click.option("--markout", "with_markouts", is_flag=True, help="Show what fills were worth 1, 10 and 60 s later.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line for each fill, payment and transfer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def history(name: str | None, *, days: int | None, with_markouts: bool, as_csv: bool, as_json: bool) -> None:
    """Show fills, fees, funding and what they come to, day by day.

    Also while the bot runs, and after it has ended. NAME is a bot (`stem:market` of its configuration, or either part,
    its file or account); without it the one that was written to last. Days are UTC, and each amount has its asset.
    """
    from perpmaker.cli.past_bots import find_bots, read_history, the_bot  # noqa: PLC0415  # nothing is imported before it is needed
    from perpmaker.clock import SystemClock  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # the same
    from perpmaker.report.history import first_of_days  # noqa: PLC0415  # the same
    from perpmaker.report.history_page import as_csv as csv_of  # noqa: PLC0415  # the same
    from perpmaker.report.history_page import page  # noqa: PLC0415  # the same

    if as_csv and as_json:
        raise click.UsageError("--csv and --json: choose one of them")

    claim()
    bots, notes = find_bots(open_state_dir(os.environ).root)
    bot = the_bot(bots, name)
    found = read_history(bot, since_ms=first_of_days(days, SystemClock().utc_ms()), notes=notes)

    if as_json or as_csv:
        result(found.as_json() if as_json else csv_of(found).rstrip("\n"), as_json=as_json)

        for note in found.notes:
            click.echo(printable(note), err=True)

        return

    for line in page(found, with_markouts=with_markouts).split("\n"):
        result(line)

    if name is None and len(bots) > 1:
        result("")
        result(f"{len(bots)} bots have a history, and this one was written to last. To see another, name it:")

        for line in "\n".join(map(str, bots[1:10])).split("\n"):
            result(line)
