"""What the commands that end running bots have in common: their options, and which bots are meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from perpmaker.cli.output import claim
from perpmaker.cli.seconds import Seconds


def ends_bots(wait_s: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the names and options of one that ends bots; `wait_s` is for how long it waits by itself."""
    parameters = (
        click.argument("names", metavar="[NAME]...", nargs=-1),
        click.option("--all", "every", is_flag=True, help="Every bot of this user that runs."),
        click.option(
            "--wait",
            "wait_s",
            type=Seconds(min=0),
            default=wait_s,
            show_default=True,
            help="For the end; 0: not at all.",
        ),
        click.option("--hurry", is_flag=True, help="Wait for less on the way, as a second Ctrl-C does."),
        click.option("--json", "as_json", is_flag=True, help="Print a JSON list."),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for parameter in reversed(parameters):
            function = parameter(function)

        return function

    return decorate


def end_named(command: str, names: Sequence[str], *, every: bool, wait_s: float, hurry: bool, as_json: bool) -> None:
    """Carry such a command out over the control sockets of the bots that are meant."""
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help
    from perpmaker.cli.ending import end_bots  # noqa: PLC0415  # the same

    claim()

    if names and every:
        raise click.UsageError("--all means every bot: name none beside it")

    bots = open_bots()
    end_bots(bots, bots.running(names, every=every), command, wait_s=wait_s, hurry=hurry, as_json=as_json)
