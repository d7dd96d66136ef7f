"""The references of a configuration to secrets, tried before anything connects: one message names all faults."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.config.structure import is_secret
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.secret import References

_KEYED = frozenset({Environment.TESTNET, Environment.LIVE})


def check_references(configuration: Configuration) -> None:
    """Raise ConfigurationError with each reference that leads to no secret, by key and line.

    Sandbox and paper use no key, and their references are not looked at.
    """
    if configuration.environment not in _KEYED:
        return

    problems = tuple(_missing(configuration, References(configuration.file.parent)))

    if problems:
        raise ConfigurationError(problems)


def _missing(configuration: Configuration, references: References) -> Iterator[Problem]:
    connector = configuration.connector

    for field in attrs.fields(type(connector.settings)):
        value = getattr(connector.settings, field.name)

        if is_secret(field.name) and isinstance(value, str):
            fault = references.fault(value)

            if fault is not None:
                yield configuration.document.problem((connector.name, field.name), fault)
