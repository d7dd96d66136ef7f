"""`perpmaker flatten [NAME...]`: end running bots, and close their positions at market."""

from __future__ import annotations

from typing import Any

import click

from perpmaker.cli.end_command import end_named, ends_bots

WAIT_S = 120.0
"""Seconds that the end is waited for, where nothing else is said."""


@click.command()
@ends_bots(WAIT_S)
def flatten(names: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401  # the common ones, checked by click
    """End running bots, and close their positions at market.

    Quotes are cancelled, every position is closed reduce-only, and the end is waited for.
    Without a NAME the only bot that runs is meant. The exit code is that of the bot's end, of several the gravest.
    """
    end_named("flatten", names, **options)
