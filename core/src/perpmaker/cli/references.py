"""The references of a configuration to secrets, tried before anything connects: one message names all faults."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.config.structure import references_in
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.secret import References

_KEYED = frozenset({Environment.TESTNET, Environment.LIVE})


def check_references(configuration: Configuration) -> None:
    """Raise ConfigurationError with each reference that leads to no secret, by key and line.

    Sandbox and paper use no key, and the connector's references are not looked at there. Observers tell of every run.
    """
    problems = tuple(_missing(configuration, References(configuration.file.parent)))

    if problems:
        raise ConfigurationError(problems)


def _missing(configuration: Configuration, references: References) -> Iterator[Problem]:
    connector = configuration.connector
    keyed = (((connector.name,), connector.settings),) if configuration.environment in _KEYED else ()
    tables = (*keyed, *((("observers", one.name), one.settings) for one in configuration.observers))

    for table, settings in tables:
        for field in attrs.fields(type(settings)):
            for reference in references_in(field.name, getattr(settings, field.name)):
                fault = references.fault(reference)

                if fault is not None:
                    yield configuration.document.problem((*table, field.name), fault)
