"""One document to a configuration: every fault of it is named, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from perpmaker.config.chosen import Chosen
from perpmaker.config.configuration import Configuration
from perpmaker.config.cross_checks import READ_BY_SOURCES, module_faults, position_faults, price_faults, risk_faults
from perpmaker.config.file import Document, KeyPath, read_document
from perpmaker.config.habits import FOREIGN_KEYS, split_environment
from perpmaker.config.notes import notes
from perpmaker.config.places import as_one, at_top, below_table, not_missing
from perpmaker.config.placing import place_files
from perpmaker.config.reader import Fault
from perpmaker.config.settings import RunSettings, SandboxSettings
from perpmaker.config.source import key_faults, source_request, traits_of, with_max_age
from perpmaker.config.structure import Structured, fields_of, is_blank, problem_of, structure, unknown_keys
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, PluginError, Problem
from perpmaker.exits.settings import ExitSettings
from perpmaker.plugins.catalog import FIRST_PARTY, Catalog
from perpmaker.plugins.declarations import (
    Declaration,
    DerivativeConnectorDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)
from perpmaker.strategy.interface import StrategyTraits

_Declared = TypeVar("_Declared", bound=Declaration)


_Table = TypeVar("_Table")


def load_configuration(file: Path, overrides: Sequence[str], catalog: Catalog) -> Configuration:
    """Read and check a file. ConfigurationError holds every fault of it, in its order.

    `overrides` are `key=value`, laid over the file. Nothing but the file is read: no environment, no secret, no venue.
    """
    return _Assembly(read_document(file, overrides), catalog).configuration(file)


@attrs.frozen(kw_only=True)
class _EnvironmentSettings:
    """The key of every connector's table that belongs to the run."""

    environment: Environment = Environment.SANDBOX


class _Assembly:
    """Collects the faults of a whole file while it puts the configuration together."""

    def __init__(self, document: Document, catalog: Catalog) -> None:
        self._document = document
        self._catalog = catalog
        self._values = document.values
        self._problems = list(document.problems)
        self._misplaced: dict[str, str] = {}

    def configuration(self, file: Path) -> Configuration:
        """Return everything, or ConfigurationError with all that is wrong."""
        run = self._table(RunSettings, self._values)
        exits = self._table(ExitSettings, self._values)
        strategy = self._chosen("strategy", self._catalog.strategy, self._top)
        connector = self._chosen("derivative", self._catalog.derivative_connector, self._own_table)
        price_source = self._chosen(
            "price_source", self._catalog.price_source, self._own_table, self._catalog.traded_market
        )
        external = self._external()
        environment = self._environment(connector)
        risk = self._named("risk", "risk module", self._catalog.risk_module)
        observers = self._named("observers", "observer", self._catalog.observer)
        sandbox = self._section("sandbox", SandboxSettings)
        self._check_top(strategy, (connector, price_source, external))
        traits = StrategyTraits() if strategy is None else traits_of(strategy)
        self._cross_check(run, traits, connector, risk, (price_source, external))

        if run is not None and exits is not None:
            for path, allowed in module_faults(run, exits, risk):
                self._say(path, self._tables(path[:-1]).get(path[-1]), allowed)

        if self._problems or not (run and exits and strategy and connector and price_source and sandbox):
            raise ConfigurationError(self._in_order())

        return Configuration(
            file=file,
            environment=environment,
            run=run,
            strategy=attrs.evolve(strategy, settings=with_max_age(strategy.settings, price_source.declaration, run)),
            traits=traits,
            exits=exits,
            connector=connector,
            price_source=price_source,
            external=external,
            source_request=source_request(run, traits),
            risk=risk,
            observers=observers,
            sandbox=place_files(sandbox, file.parent, self._document.overridden),
            notes=tuple(notes(run, environment)),
            document=self._document,
            given=frozenset(key for key, value in self._values.items() if not is_blank(value)),
        )

    def _in_order(self) -> tuple[Problem, ...]:
        """The problems in the order of the file, each once; what has no line comes last."""
        known = dict.fromkeys(self._top_keys())
        problems = self._problems if known.keys() & self._values.keys() else list(as_one(self._problems, known))
        once = dict.fromkeys(not_missing(problems, self._misplaced))

        return tuple(sorted(once, key=lambda problem: (problem.line is None, problem.line or 0)))

    def _table(self, settings: type[_Table], values: Mapping[str, Any], at: KeyPath = ()) -> _Table | None:
        """Structure a table; its faults are kept."""
        structured: Structured[_Table] = structure(self._document, settings, values, at)
        self._problems.extend(structured.problems)

        return structured.settings

    def _section(
        self, name: str, settings: type[_Table], parent: KeyPath = (), extra: tuple[str, ...] = ()
    ) -> _Table | None:
        """Structure the table of a name, an absent one as an empty one, and say which of its keys nobody knows."""
        at = (*parent, name)
        values = self._tables(parent).get(name, {})

        if not isinstance(values, dict):
            self._say(at, values, f"must be a table: [{'.'.join(at)}]")

            return None

        words = below_table(self._top_keys(), at)
        self._misplaced |= {f"{'.'.join(at)}.{key}": said for key, said in words.items()}
        self._problems.extend(unknown_keys(self._document, values, (*fields_of(settings), *extra), at, words))

        return self._table(settings, values, at)

    def _top_keys(self) -> Iterator[str]:
        """The keys that belong to the top of the file."""
        strategies = (self._catalog.strategy(name).settings for name in self._catalog.names(StrategyDeclaration))

        for settings in (RunSettings, ExitSettings, *strategies):
            yield from fields_of(settings)

    def _tables(self, parent: KeyPath) -> Mapping[str, Any]:
        """The values of a table that holds tables: the top of the file, [risk] or [observers]."""
        values: Any = self._values

        for key in parent:
            values = values.get(key, {})

        return values if isinstance(values, dict) else {}

    def _say(self, path: KeyPath, value: object, allowed: str) -> None:
        """Keep a fault."""
        self._problems.append(problem_of(self._document, path, value, Fault(allowed)))

    def _chosen(
        self,
        key: str,
        find: Callable[[str], _Declared],
        read: Callable[[_Declared], object],
        default: str | None = None,
    ) -> Chosen[_Declared] | None:
        """What a key names, with its settings; a name that cannot be chosen is a fault of the key."""
        given = self._values.get(key, default)
        name = default if is_blank(given) else given

        if not isinstance(name, str):
            return None  # said already: the key itself is missing or of the wrong type

        try:
            declaration = find(name)
        except PluginError as error:
            self._say((key,), name, self._other_name(name) or str(error))

            return None

        settings = read(declaration)

        return None if settings is None else Chosen(declaration=declaration, settings=settings)

    def _other_name(self, name: str) -> str | None:
        """Words for a connector's name that holds the environment too, as in other programs; None for other names."""
        known = {*self._catalog.names(DerivativeConnectorDeclaration), *FIRST_PARTY[DerivativeConnectorDeclaration]}
        split = split_environment(name, known.__contains__)

        if split is None:
            return None

        connector, environment = split

        return f'is now "{connector}", with environment = "{environment}" in the table [{connector}]'

    def _top(self, declaration: StrategyDeclaration[Any]) -> object:
        """A strategy's settings are at the top of the file."""
        return self._table(declaration.settings, self._values)

    def _own_table(self, declaration: DerivativeConnectorDeclaration[Any] | PriceSourceDeclaration[Any]) -> object:
        """A plugin's settings are in the table of its name; that of a connector has the run's environment too."""
        extra = ("environment",) if isinstance(declaration, DerivativeConnectorDeclaration) else ()

        return self._section(declaration.name, declaration.settings, extra=extra)

    def _external(self) -> Chosen[DerivativeConnectorDeclaration[Any]] | Chosen[PriceSourceDeclaration[Any]] | None:
        """What price_source_derivative names: a source that gives the price of any market, or a connector."""
        key = "price_source_derivative"
        name = self._values.get(key)
        find: Callable[[str], Any] = self._catalog.derivative_connector

        if isinstance(name, str) and self._gives_by_market(name):
            find = self._catalog.price_source

        return self._chosen(key, find, self._own_table)

    def _gives_by_market(self, name: str) -> bool:
        """Whether a name is that of a source which gives the price of any market, installed or one of our own."""
        if name in self._catalog.names(PriceSourceDeclaration):
            return self._catalog.price_source(name).by_market

        return name in FIRST_PARTY[PriceSourceDeclaration]

    def _environment(self, connector: Chosen[DerivativeConnectorDeclaration[Any]] | None) -> Environment:
        """The environment, from the connector's table."""
        values = {} if connector is None else self._values.get(connector.name, {})
        settings = self._table(_EnvironmentSettings, values, (connector.name,) if connector else ())

        return Environment.SANDBOX if settings is None else settings.environment

    def _named(self, table: str, kind: str, find: Callable[[str], _Declared]) -> tuple[Chosen[_Declared], ...]:
        """What the tables [risk.NAME] or [observers.NAME] name."""
        if not isinstance(self._values.get(table, {}), dict):
            self._say((table,), self._values[table], f"must be a table for each {kind}: [{table}.NAME]")

        chosen = []

        for name, values in self._tables((table,)).items():
            try:
                declaration = find(name)
            except PluginError as error:
                self._say((table, name), values, str(error))
            else:
                settings = self._section(name, declaration.settings, (table,))
                chosen.append(Chosen(declaration=declaration, settings=settings))

        return tuple(chosen)

    def _check_top(
        self, strategy: Chosen[StrategyDeclaration[Any]] | None, used: tuple[Chosen[Any] | None, ...]
    ) -> None:
        """Say what at the top of the file nobody knows, and check the tables of plugins that are not in use."""
        settings = (RunSettings, ExitSettings, *self._strategies(strategy))
        known = {key for one in settings for key in fields_of(one)} | {"risk", "observers", "sandbox"}
        keys = ("derivative", "price_source", "price_source_derivative")
        named = {name for name in map(self._values.get, keys) if isinstance(name, str)}
        idle = self._idle_tables({one.name for one in used if one is not None})
        rest = {key: value for key, value in self._values.items() if key not in known and key not in idle}

        for key in [key for key, value in rest.items() if key in named and isinstance(value, dict)]:
            del rest[key]  # the table of the plugin in use, or of one about which enough is said where it is named

        words = {**FOREIGN_KEYS, **at_top(self._keys_of_tables(used))}
        self._problems.extend(unknown_keys(self._document, rest, sorted(known | named), (), words))

    def _keys_of_tables(self, used: tuple[Chosen[Any] | None, ...]) -> Mapping[str, tuple[str, ...]]:
        """The keys of [sandbox] and of the tables of the plugins in use, by table."""
        tables = {one.name: fields_of(one.declaration.settings) for one in reversed(used) if one is not None}

        return {"sandbox": fields_of(SandboxSettings)} | tables

    def _strategies(self, strategy: Chosen[StrategyDeclaration[Any]] | None) -> Iterator[type]:
        """The settings of the strategy in use; when its name is wrong, of all of them, whose faults are said too."""
        if strategy is not None:
            yield strategy.declaration.settings

            return

        for name in self._catalog.names(StrategyDeclaration):
            declaration = self._catalog.strategy(name)
            yield declaration.settings

            if len(self._catalog.names(StrategyDeclaration)) == 1:
                self._table(declaration.settings, self._values)

    def _idle_tables(self, used: set[str]) -> set[str]:
        """Check the tables of installed plugins that this run does not use, so that one word can switch to them."""
        found = set()

        for kind, find in (
            (DerivativeConnectorDeclaration, self._catalog.derivative_connector),
            (PriceSourceDeclaration, self._catalog.price_source),
        ):
            for name in self._catalog.names(kind):
                if name in self._values and name not in used:
                    found.add(name)
                    self._own_table(find(name))

        return found

    def _cross_check(
        self,
        run: RunSettings | None,
        traits: StrategyTraits,
        connector: Chosen[DerivativeConnectorDeclaration[Any]] | None,
        risk: Sequence[Chosen[RiskModuleDeclaration[Any]]],
        sources: tuple[Chosen[Any] | None, ...],
    ) -> None:
        """What depends on keys of several owners; sources are asked only where the keys that they look at are right."""
        source = sources[0]

        if run is not None:
            self._say_each(position_faults(run, connector))

        self._say_each(risk_faults(traits, risk, self._catalog))

        if run is not None and source is not None:
            self._say_each(key_faults(source.declaration, run, self._catalog))

        is_readable = run is not None and not any(problem.key in READ_BY_SOURCES for problem in self._problems)
        request = source_request(run, traits) if run is not None and is_readable else None
        self._say_each(price_faults(sources, self._values, request))

    def _say_each(self, faults: Iterable[tuple[str, str]]) -> None:
        for key, allowed in faults:
            self._say((key,), self._values.get(key), allowed)
