"""Several files for one process: every problem of all of them at once, and no market twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.plugins.catalog import Catalog


def load_each(files: Sequence[Path], overrides: Sequence[str], catalog: Catalog) -> tuple[Configuration, ...]:
    """Read every file, with the same values laid over each.

    ConfigurationError with the problems of all of them, and where two would trade one market of one account.
    """
    configurations: list[Configuration] = []
    problems: list[Problem] = []

    for file in files:
        try:
            configurations.append(load_configuration(file, overrides, catalog))
        except ConfigurationError as error:
            problems += error.problems

    problems += _twice(configurations)

    if problems:
        raise ConfigurationError(tuple(problems))

    return tuple(configurations)


def _twice(configurations: Sequence[Configuration]) -> Iterator[Problem]:
    """A file whose market another one trades already, with the same settings of its venue, which name the account."""
    seen: dict[tuple[object, ...], Configuration] = {}

    for one in configurations:
        key = (one.environment, one.connector.name, one.connector.settings, one.run.market)
        first = seen.setdefault(key, one)

        if first is not one:
            allowed = (
                f"is traded by {first.file} already: two bots on one market of an account would trade with each other"
            )
            yield Problem(file=str(one.file), key="market", value=one.run.market, allowed=allowed)
