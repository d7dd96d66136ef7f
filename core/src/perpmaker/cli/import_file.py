"""`perpmaker import FILE.yml`: a Hummingbot configuration of this strategy as TOML, and what it cannot carry."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import click

from perpmaker.cli.installation import open_catalog
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable
from perpmaker.config.configuration import Configuration
from perpmaker.config.habits import PAGE
from perpmaker.config.hummingbot import Carried, Remark, carry, differences
from perpmaker.config.hummingbot_values import Plain
from perpmaker.config.meanings import MEANINGS, in_sections
from perpmaker.config.template import connector_lines
from perpmaker.config.toml_text import Block, Line, toml_value, write_toml
from perpmaker.config.written import read_back, refuse_existing, write_whole
from perpmaker.config.yaml_file import read_yaml
from perpmaker.errors import ExitCode, Problem
from perpmaker.plugins.catalog import FIRST_PARTY, Catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, PriceSourceDeclaration

_WIDTH = 80
_FORCE = "--force"


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the TOML to this file.")
@click.option(_FORCE, "force", is_flag=True, help="Replace the file of -o where it is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the TOML is one of its texts.")
def import_file(file: Path, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Turn a Hummingbot configuration of perpetual_market_making into TOML.

    The TOML goes to standard output, or to the file of -o. What was written otherwise, what cannot be carried over and
    why, and what this program does otherwise on purpose goes to standard error. Exit code 2 where the result still has
    to be completed before `perpmaker check` takes it.
    """
    claim()

    if output is not None and not force:
        refuse_existing(output, _FORCE)

    source = read_yaml(file)
    catalog = open_catalog()
    carried = carry(source, _known(catalog).__contains__)
    text = _toml(carried, file, catalog)
    name = "the result" if output is None else str(output)
    read = read_back(text, name, catalog)
    problems = () if isinstance(read, Configuration) else read

    if output is not None:
        write_whole(output, text, replace=force, option=_FORCE)

    if as_json:
        result(json.dumps(_plain(file, output, carried, problems, text), indent=2), as_json=True)
    else:
        if output is None:
            result(text.rstrip("\n"))

        for line in _report(file, output, carried, problems):
            click.echo(printable(line), err=True)

    if problems:
        raise click.exceptions.Exit(ExitCode.FILE.value)


def _known(catalog: Catalog) -> set[str]:
    """The names of connectors and of sources that are known, installed or not."""
    kinds = (DerivativeConnectorDeclaration, PriceSourceDeclaration)

    return {name for kind in kinds for name in (*catalog.names(kind), *FIRST_PARTY[kind])}


def _toml(carried: Carried, file: Path, catalog: Catalog) -> str:
    introduction = (
        f"Carried over from {printable(file.name)}, a configuration of Hummingbot, by perpmaker import.\n\n"
        "    perpmaker check FILE\n\nshows what it comes to, before anything is sent."
    )
    sections = in_sections(carried.values)
    blocks = [
        Block(heading=heading, lines=[_line(key, carried.values[key]) for key in keys])
        for heading, keys in sections.items()
    ]
    connector = carried.values.get("derivative")

    if isinstance(connector, str) and connector.isidentifier():
        given = {} if carried.environment is None else {"environment": carried.environment}
        blocks.append(Block(table=connector, lines=list(connector_lines(connector, given, catalog))))

    return write_toml(introduction, blocks)


def _line(key: str, value: Plain) -> Line:
    return Line(key=key, value=toml_value(value), comment=MEANINGS.get(key, ""))


# --- what is said ----------------------------------------------------------------------------------------------------


def _report(file: Path, output: Path | None, carried: Carried, problems: Sequence[Problem]) -> Iterator[str]:
    version = "" if carried.version is None else f", template version {carried.version}"
    target = "" if output is None else f" to {output}"
    yield from _wrapped(
        f"{file}: perpetual_market_making{version}; {len(carried.values)} keys carried over{target}.", ""
    )

    yield from _remarks("Written otherwise:", carried.changed)
    yield from _remarks("Not carried over:", carried.left)

    if carried.unneeded:
        yield from _wrapped(f"Without a value, or of no use here: {', '.join(carried.unneeded)}.", "")

    if carried.environment is None:
        words = (
            'environment = "sandbox": there this connector trades real money; here nothing leaves this machine until '
            "that one word is changed."
        )
        yield from _wrapped(words, "")

    yield "Different on purpose:"

    for words in differences(carried.values):
        yield from _wrapped(words, "  ")

    if problems:
        yield "To be completed before it runs:"
        yield from (f"  {problem}" for problem in problems)

    name = "FILE" if output is None else str(output)
    yield f"Next: perpmaker check {name}    ({PAGE} has every key)"


def _remarks(heading: str, remarks: Sequence[Remark]) -> Iterator[str]:
    if remarks:
        yield heading

    for remark in remarks:
        found = remark.key if remark.value is None else f"{remark.key} = {remark.value}"
        place = f"line {remark.line}: " if remark.line else ""
        yield from _wrapped(f"{place}{found}: {remark.words}.", "  ")


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )


def _plain(
    file: Path, output: Path | None, carried: Carried, problems: Sequence[Problem], text: str
) -> dict[str, object]:
    """What has become of the file, for programs."""
    return {
        "file": str(file),
        "ok": not problems,
        "output": None if output is None else str(output),
        "template_version": carried.version,
        "carried": list(carried.values),
        "environment": carried.environment or "sandbox",
        "changed": [attrs.asdict(one) for one in carried.changed],
        "not_carried": [attrs.asdict(one) for one in carried.left],
        "not_needed": list(carried.unneeded),
        "differences": list(differences(carried.values)),
        "problems": [attrs.asdict(one) for one in problems],
        "toml": text,
    }
