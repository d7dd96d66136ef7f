"""`perpmaker stop [NAME...]`: end running bots cleanly."""

from __future__ import annotations

from typing import Any

import click

from perpmaker.cli.end_command import end_named, ends_bots

WAIT_S = 60.0
"""Seconds that the end is waited for, where nothing else is said."""


@click.command()
@ends_bots(WAIT_S)
def stop(names: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401  # the common ones, checked by click
    """End running bots cleanly.

    Quotes are cancelled and proven gone, closing orders of an open position stay, as at Ctrl-C.
    Without a NAME the only bot that runs is meant. The exit code is that of the bot's end, of several the gravest.
    """
    end_named("stop", names, **options)
