"""`perpmaker flatten [NAME...]`: end running bots, and close their positions at market."""

from __future__ import annotations

import click

from perpmaker.cli.output import claim
from perpmaker.cli.seconds import Seconds

WAIT_S = 120.0
"""Seconds that the end is waited for, where nothing else is said."""


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every bot of this user that runs.")
@click.option(
    "--wait", "wait_s", type=Seconds(min=0), default=WAIT_S, show_default=True, help="For the end; 0: not at all."
)
@click.option("--hurry", is_flag=True, help="Wait for less on the way, as a second Ctrl-C does.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def flatten(names: tuple[str, ...], wait_s: float, *, every: bool, hurry: bool, as_json: bool) -> None:
    """End running bots, and close their positions at market.

    Quotes are cancelled, every position is closed reduce-only, and the end is waited for.
    Without a NAME the only bot that runs is meant. The exit code is that of the bot's end, of several the gravest.
    """
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help
    from perpmaker.cli.ending import end_bots  # noqa: PLC0415  # the same

    claim()

    if names and every:
        raise click.UsageError("--all means every bot: name none beside it")

    bots = open_bots()
    end_bots(bots, bots.running(names, every=every), "flatten", wait_s=wait_s, hurry=hurry, as_json=as_json)
