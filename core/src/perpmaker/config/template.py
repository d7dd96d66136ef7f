"""A whole configuration as a person edits it: every key with its meaning, its range and its default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from perpmaker.config.description import Description, describe
from perpmaker.config.meanings import MEANINGS, in_sections
from perpmaker.config.settings import RunSettings
from perpmaker.config.toml_text import Block, Line, toml_key, toml_value, write_toml
from perpmaker.connector.interface import Environment
from perpmaker.errors import PluginError
from perpmaker.exits.settings import ExitSettings
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    ObserverDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)

KEYED: Final = frozenset({"testnet", "live"})
"""The environments that need keys."""

NOT_SET: Final = "..."
_NOUNS = re.compile(r'^a (?:whole )?number(?: \(percent\) or a text with its unit \("0\.1%", "10bp"\))?(?:, )?')
_FROM_TO = re.compile(r"at least (\S+) and at most (\S+)")
_KEY = ("environment",)
_HOLDERS = ("risk", "observers")
"""Tables that hold tables of plugins by name."""


def top_keys(catalog: Catalog, strategy: object) -> dict[str, Description]:
    """Return every key of the top of a file, those of a strategy among them: of all that are installed, if none is."""
    names = catalog.names(StrategyDeclaration)
    chosen = [strategy] if strategy in names else names
    classes = (RunSettings, *(catalog.strategy(str(name)).settings for name in chosen), ExitSettings)

    return {one.key: one for settings in classes for one in describe(settings)}


def table_keys(catalog: Catalog, path: tuple[str, ...]) -> dict[str, Description]:
    """Return the keys of a plugin's table; none where nobody of that name is installed."""
    try:
        match path:
            case ("risk", name):
                settings = catalog.risk_module(name).settings
            case ("observers", name):
                settings = catalog.observer(name).settings
            case (name,) if name in catalog.names(DerivativeConnectorDeclaration):
                settings = catalog.derivative_connector(name).settings
            case (name,):
                settings = catalog.price_source(name).settings
            case _:
                return {}
    except PluginError:
        return {}

    return {one.key: one for one in describe(settings)}


def range_words(key: Description) -> str:
    """Return what is allowed in few words: the noun is left out, which the meaning has."""
    words = _NOUNS.sub("", key.allowed)

    if words.startswith(("a text", "the name", "an address", "a market", "a table", "true or false")):
        return ""

    return _FROM_TO.sub(r"\1 to \2", words.replace("' or '", ", ").strip("'"))


def explained(key: Description, *, is_set: bool) -> str:
    """Return a key's meaning, its range, and where it is set its default, for the comment beside it."""
    default = f"default {key.default}" if key.default and is_set else ""
    inside = "; ".join(filter(None, (range_words(key), default)))
    meaning = MEANINGS.get(key.key, "")

    return f"{meaning} ({inside})".strip() if inside else meaning


def template(values: Mapping[str, Any], catalog: Catalog, name: str) -> str:
    """Return the text of a file with these values; what they leave out stands there as comments."""
    keys = top_keys(catalog, values.get("strategy"))
    unknown = {key: value for key, value in values.items() if key not in keys and not isinstance(value, dict)}
    blocks = (
        [Block(lines=[Line(key=key, value=toml_value(value)) for key, value in unknown.items()])] if unknown else []
    )

    for heading, below in in_sections(keys).items():
        blocks.append(Block(heading=heading, lines=[_line(keys[key], values) for key in below]))

    blocks.extend(_tables(values, catalog))
    introduction = (
        "A market-making bot of perpmaker. A line that begins with # has the default of its key: take the # away to "
        f"change it.\n\n    perpmaker check {name}\n\nshows what it comes to before anything is sent."
    )

    return write_toml(introduction, blocks)


def _line(key: Description, values: Mapping[str, Any]) -> Line:
    if key.key in values:
        return Line(key=key.key, value=toml_value(values[key.key]), comment=explained(key, is_set=True))

    if key.required:
        return Line(key=key.key, value=NOT_SET, comment=f"needed: {explained(key, is_set=False)}", is_off=True)

    return Line(key=key.key, value=key.default or NOT_SET, comment=explained(key, is_set=False), is_off=True)


def _tables(values: Mapping[str, Any], catalog: Catalog) -> Iterator[Block]:
    connector = values.get("derivative")
    tables = {key: value for key, value in values.items() if isinstance(value, dict) and key not in _HOLDERS}
    tables = {key: value for key, value in tables.items() if key not in top_keys(catalog, values.get("strategy"))}

    if isinstance(connector, str):
        given = tables.pop(connector, {})
        yield Block(table=toml_key(connector), lines=list(connector_lines(connector, given, catalog)))

    held = {holder: value if isinstance(value := values.get(holder, {}), dict) else {} for holder in _HOLDERS}

    for holder, named in held.items():
        for name, given in named.items():
            yield Block(table=f"{holder}.{toml_key(name)}", lines=list(_given(given)))

    for name, given in tables.items():
        yield Block(table=toml_key(name), lines=list(_given(given)))

    modules = {name: catalog.risk_module(name).summary for name in catalog.names(RiskModuleDeclaration)}
    observers = {name: catalog.observer(name).summary for name in catalog.names(ObserverDeclaration)}
    yield from _unused("Risk modules", "risk", modules, held)
    yield from _unused("Observers", "observers", observers, held)


def _unused(what: str, holder: str, summaries: Mapping[str, str], held: Mapping[str, Any]) -> Iterator[Block]:
    """What is installed and may be added, each with its summary."""
    lines = [f"[{holder}.{name}]: {summary}" for name, summary in summaries.items() if name not in held[holder]]

    if lines:
        yield Block(heading="\n# ".join((f"{what} that are installed, and not used here:", *lines)))


def connector_lines(name: str, given: Mapping[str, Any], catalog: Catalog) -> Iterator[Line]:
    """Yield the environment, and references to keys, which are taken up where the environment needs them."""
    environment = given.get("environment", Environment.SANDBOX.value)
    choices = ", ".join(member.value for member in Environment)
    yield Line(key="environment", value=toml_value(environment), comment=f"where ({choices})")

    for key, one in table_keys(catalog, (name,)).items():
        if one.is_secret and not one.default and one.allowed.startswith("a text") and key not in given:
            variable = f"{name.removesuffix('_perpetual')}_{key}".upper()
            comment = "a reference, never the key itself"
            yield Line(key=key, value=toml_value(f"env:{variable}"), comment=comment, is_off=environment not in KEYED)

    yield from _given({key: value for key, value in given.items() if key not in _KEY})


def _given(values: Any) -> Iterator[Line]:  # noqa: ANN401  # whatever was given for a table
    if isinstance(values, dict):
        for key, value in values.items():
            yield Line(key=key, value=toml_value(value))
