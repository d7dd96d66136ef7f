"""The catalog as commands use it: what was dropped is said in one line each, on standard error."""

from __future__ import annotations

import click

from perpmaker.catalog import Catalog, load_catalog


def open_catalog() -> Catalog:
    """Load the installed plugins and warn of those that cannot be used."""
    catalog = load_catalog()

    for warning in catalog.warnings():
        click.echo(f"warning: {warning}", err=True)

    return catalog
