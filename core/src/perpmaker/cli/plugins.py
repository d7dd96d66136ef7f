"""`perpmaker plugins`: what is installed, from where, and what became of it."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator

import attrs
import click

from perpmaker.cli.installation import watched_catalog
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable
from perpmaker.plugins.catalog import KINDS, Catalog
from perpmaker.plugins.loading import LoadedPlugin, unknown_in_environment

_WIDTH = 80
_GAP = "  "
_HEADINGS = ("NAME", "KIND", "STATE", "FROM")
_NARROWEST = 20


@attrs.frozen(kw_only=True)
class Row:
    """One name that a plugin declared, or a plugin that declares nothing because it is not loaded."""

    name: str
    kind: str | None
    plugin: str
    distribution: str
    version: str
    state: str
    reason: str

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The columns of the table."""
        return self.name, self.kind or "-", self.state, f"{self.distribution} {self.version}"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def plugins(as_json: bool) -> None:
    """List the installed plugins, and what became of each."""
    claim()
    catalog = watched_catalog()
    rows = list(rows_of(catalog))

    for line in unknown_in_environment(catalog.plugins, os.environ):
        click.echo(printable(f"warning: {line}"), err=True)

    if as_json:
        result(json.dumps([attrs.asdict(row) for row in rows], indent=2), as_json=True)
    else:
        for line in table(rows):
            result(line)


def rows_of(catalog: Catalog) -> Iterator[Row]:
    """Yield a row for each declared name, by plugin, and one for each plugin that is not loaded."""
    for plugin in catalog.plugins:
        for declaration in plugin.declarations:
            conflict = catalog.conflict(declaration)
            state = plugin.state.value if conflict is None else "withheld"
            yield _row(plugin, declaration.name, KINDS[type(declaration)], state, conflict or "")

        if not plugin.declarations:
            yield _row(plugin, plugin.name, None, plugin.state.value, plugin.reason)


def _row(plugin: LoadedPlugin, name: str, kind: str | None, state: str, reason: str) -> Row:
    return Row(
        name=name,
        kind=kind,
        plugin=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        state=state,
        reason=reason,
    )


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the rows in columns within 80 characters.

    What does not fit goes on below, and a reason on its own lines.
    """
    cells = [_HEADINGS, *(_short(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS) - 1)]
    indent = " " * (sum(widths) + len(_GAP) * len(widths))
    room = max(_WIDTH - len(indent), _NARROWEST)
    reasons = ["", *(row.reason for row in rows)]

    for line, reason in zip(cells, reasons, strict=True):
        first, *more = textwrap.wrap(line[-1], room) or [""]
        columns = (text.ljust(width) for text, width in zip(line, widths, strict=False))
        yield (_GAP.join((*columns, first))).rstrip()
        yield from (indent + text for text in more)
        yield from textwrap.wrap(reason, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _short(row: Row) -> tuple[str, str, str, str]:
    """The cells of a row, the long kind by its short name."""
    name, kind, state, origin = row.cells

    return name, "connector" if kind == "derivative connector" else kind, state, origin
