"""The catalog as commands use it: what was dropped is said in one line each, on standard error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from perpmaker.arithmetic import own_arithmetic
from perpmaker.cli.screen import printable
from perpmaker.plugins.catalog import Catalog, load_catalog
from perpmaker.watchdog import Watchdog


@contextmanager
def watched(tell: Callable[[str], None]) -> Iterator[None]:
    """Calculate as the core does, and notice a plugin that keeps everything else waiting.

    Its stacks are kept.
    """
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # a wrong file is said before the engine is imported

    with own_arithmetic(), Watchdog(tell) as watchdog:
        watchdog.keep_stacks(open_state_dir(os.environ).root)
        yield


_opened: Catalog | None = None


def opened_catalog() -> Catalog:
    """Return the plugins as this command has loaded them at its beginning: loading them again takes a while."""
    return load_catalog() if _opened is None else _opened


def watched_catalog() -> Catalog:
    """Load the installed plugins.

    A plugin that does not come back is interrupted, and listed as one that is not loaded.
    """
    with Watchdog(lambda line: click.echo(printable(line), err=True)):
        return load_catalog()


def open_catalog() -> Catalog:
    """Load the installed plugins and warn of those that cannot be used."""
    global _opened  # noqa: PLW0603  # one process has one installation
    _opened = catalog = watched_catalog()

    for warning in catalog.warnings():
        click.echo(printable(f"warning: {warning}"), err=True)

    return catalog
