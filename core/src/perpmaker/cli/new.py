"""`perpmaker new [FILE]`: writes a commented configuration, asking what it needs, or taking it from --set."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import click

from perpmaker.cli.installation import open_catalog
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable
from perpmaker.config.configuration import Configuration
from perpmaker.config.description import Description
from perpmaker.config.file import SET, parse_override, put_value
from perpmaker.config.meanings import MEANINGS
from perpmaker.config.pasted import key_words, option_words
from perpmaker.config.structure import is_blank
from perpmaker.config.template import range_words, table_keys, template, top_keys
from perpmaker.config.written import read_back, refuse_existing, write_whole
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, PluginError, Problem
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, StrategyDeclaration

_WIDTH = 80
_FORCE = "--force"
_NEEDED = ("market", "leverage", "bid_spread", "ask_spread", "order_amount", "order_refresh_time")
_WISE = ("long_profit_taking_spread", "short_profit_taking_spread", "stop_loss_spread")
_ENVIRONMENT = "environment"


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, and do not ask for it.")
@click.option(_FORCE, "force", is_flag=True, help="Replace FILE where it is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and ask nothing.")
def new(file: Path | None, overrides: tuple[str, ...], *, force: bool, as_json: bool) -> None:
    """Write a commented configuration.

    What it needs is asked for on a terminal, each answer checked at once; elsewhere --set gives it. Without FILE it
    goes to standard output. Nothing is written before everything is answered, and `perpmaker check` reads the result.
    """
    claim()

    if file is not None and not force:
        refuse_existing(file, _FORCE)

    catalog = open_catalog()
    draft = _Draft(catalog=catalog, name="FILE" if file is None else str(file))
    draft.take(overrides)

    if not as_json and sys.stdin.isatty() and sys.stderr.isatty():
        draft.ask_for_all()

    elif not as_json and draft.lacks:
        _say("There is no terminal to ask on, so --set gives what is needed.")

    text = draft.text()

    if file is not None:
        write_whole(file, text, replace=force, option=_FORCE)

    if as_json:
        answer = {"file": None if file is None else str(file), "ok": True, "values": _plain(draft.values), "toml": text}
        result(json.dumps(answer, indent=2), as_json=True)
        return

    if file is None:
        result(text.rstrip("\n"))
    else:
        result(f"Written to {file}. Next: perpmaker check {file}")


@attrs.define(kw_only=True)
class _Draft:
    """A configuration that is being put together."""

    catalog: Catalog
    name: str
    values: dict[str, Any] = attrs.field(factory=dict)

    def take(self, overrides: Sequence[str]) -> None:
        """Take what --set gives. ConfigurationError with each value that its key does not allow."""
        problems = []

        for override in overrides:
            key, equals, text = override.partition("=")
            path = tuple(part.strip() for part in key.split("."))

            if not equals or not all(path):
                words = option_words(key if equals else override, self._keys())
                problems.append(Problem(file=SET, key=words, allowed="must be written key=value"))
            elif not put_value(self.values, path, parse_override(text)):
                problems.append(Problem(file=SET, key=_dotted(path), allowed="is below a key that is no table"))

        if problems:
            raise ConfigurationError(tuple(problems))

    @property
    def lacks(self) -> bool:
        """Whether a key that has no default is not set."""
        self._choose_alone()
        keys = top_keys(self.catalog, self.values.get("strategy")).values()

        return any(one.required and is_blank(self.values.get(one.key, "")) for one in keys)

    def text(self) -> str:
        """Return the text of the file. ConfigurationError names everything that is missing or wrong."""
        self._choose_alone()
        text = template(self.values, self.catalog, self.name)
        found = read_back(text, SET, self.catalog)

        if not isinstance(found, Configuration):
            raise ConfigurationError(tuple(attrs.evolve(problem, line=None) for problem in found))

        return text

    def ask_for_all(self) -> None:
        """Ask for what a bot needs and what it should not be without; then for whatever is still wrong."""
        _say("Enter takes what stands in brackets. Ctrl-C ends this, and nothing is written.")
        self._choose_alone()

        for path in self._questions():
            if not self._has(path):
                self._ask(path)

        while True:
            found = read_back(template(self.values, self.catalog, self.name), SET, self.catalog)

            if isinstance(found, Configuration):
                return

            asked = [path for path in map(self._path_of, found) if path is not None]

            if not asked:  # nothing that a question could mend
                raise ConfigurationError(tuple(attrs.evolve(problem, line=None) for problem in found))

            for problem in found:
                _say(f"  {problem.key}: {problem.allowed}")

            for path in dict.fromkeys(asked):
                self._ask(path)

    def _questions(self) -> Iterator[tuple[str, ...]]:
        yield ("strategy",)
        yield ("derivative",)
        yield ("market",)
        yield ("leverage",)
        connector = self.values.get("derivative")

        if self._has_hedge_mode(connector):
            yield ("position_mode",)

        needed = [key for key, one in top_keys(self.catalog, self.values.get("strategy")).items() if one.required]
        yield from ((key,) for key in dict.fromkeys((*_NEEDED, *needed)) if key in needed)
        yield from ((key,) for key in _WISE)
        yield (str(connector), _ENVIRONMENT)

    def _has_hedge_mode(self, connector: object) -> bool:
        names = self.catalog.names(DerivativeConnectorDeclaration)

        return connector in names and self.catalog.derivative_connector(str(connector)).hedge_mode

    def _choose_alone(self) -> None:
        """Choose the strategy and the connector where only one is installed."""
        for key, kind in (("strategy", StrategyDeclaration), ("derivative", DerivativeConnectorDeclaration)):
            names = self.catalog.names(kind)

            if len(names) == 1 and is_blank(self.values.get(key, "")):
                self.values[key] = names[0]

    def _ask(self, path: tuple[str, ...]) -> None:
        """Ask until the answer is one that the key allows."""
        key = self._description(path)
        words, default = self._words(path, key)
        _say(words)

        while True:
            answer = _answer(f"{_dotted(path)}{f' [{default}]' if default else ''}: ") or default
            value = parse_override(answer)
            fault = "needs an answer" if not answer else self._fault(path, key, value)

            if fault is None:
                put_value(self.values, path, value)
                return

            _say(f"  {fault}")

    def _words(self, path: tuple[str, ...], key: Description | None) -> tuple[str, str]:
        """What is asked, and what Enter takes."""
        if path[-1] == _ENVIRONMENT:
            choices = ", ".join(member.value for member in Environment)
            return f"Where it trades: {choices}", Environment.SANDBOX.value

        kind = {"strategy": StrategyDeclaration, "derivative": DerivativeConnectorDeclaration}.get(path[-1])

        if kind is not None:
            return f"{MEANINGS[path[-1]]}: {', '.join(self.catalog.names(kind))}", ""

        if key is None:
            return _dotted(path), ""

        meaning = MEANINGS.get(key.key, key.key)
        inside = range_words(key) or ("" if key.key in MEANINGS else key.allowed)

        return f"{meaning} ({inside})" if inside else meaning, key.default.strip('"')

    def _fault(self, path: tuple[str, ...], key: Description | None, value: object) -> str | None:
        """What is wrong with an answer, by itself."""
        if path[-1] == _ENVIRONMENT:
            names = [member.value for member in Environment]
            return None if value in names else f"must be one of {', '.join(names)}"

        if path in {("derivative",), ("strategy",)}:
            find = self.catalog.derivative_connector if path == ("derivative",) else self.catalog.strategy

            try:
                find(str(value))
            except PluginError as error:
                return str(error)

        return None if key is None else key.fault(value)

    def _description(self, path: tuple[str, ...]) -> Description | None:
        if len(path) == 1:
            return top_keys(self.catalog, self.values.get("strategy")).get(path[0])

        return table_keys(self.catalog, path[:-1]).get(path[-1])

    def _path_of(self, problem: Problem) -> tuple[str, ...] | None:
        """The key of a problem, where a question can mend it."""
        path = tuple(problem.key.split("."))

        return path if path[-1] == _ENVIRONMENT or self._description(path) is not None else None

    def _has(self, path: tuple[str, ...]) -> bool:
        values: Any = self.values

        for key in path:
            if not isinstance(values, dict) or key not in values:
                return False

            values = values[key]

        return not is_blank(values)

    def _keys(self) -> set[str]:
        return set(top_keys(self.catalog, None))


def _dotted(path: Sequence[str]) -> str:
    return ".".join(map(key_words, path))


def _say(text: str) -> None:
    for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False, subsequent_indent="  "):
        click.echo(printable(line), err=True)


def _answer(question: str) -> str:
    """What a person types; the end of the input ends the command."""
    click.echo(printable(question), err=True, nl=False)
    line = sys.stdin.readline()

    if not line:
        click.echo("", err=True)
        raise click.Abort

    return line.strip()


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever a file holds
    """The value for JSON: a number that is no whole one as a text."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}

    if isinstance(value, list):
        return [_plain(one) for one in value]

    return str(value) if isinstance(value, Decimal) else value
