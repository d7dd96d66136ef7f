"""A configuration as the journal keeps it: its values as one text of TOML, from which it is read again.

Keys of accounts are references in a file, and stay so. What an address carries beside its path is left out, as it may
be a secret: nothing that is asked there is asked again from a journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.config.pasted import address_words
from perpmaker.config.toml_text import toml_key, toml_value
from perpmaker.config.written import read_back
from perpmaker.errors import ConfigurationError
from perpmaker.plugins.catalog import Catalog

FILE: Final = "file"
CONFIGURATION: Final = "configuration"
"""What the row of a run calls the file that it was started with, and its values."""


def recorded(configuration: Configuration) -> dict[str, str]:
    """Return what the row of a run has of its configuration, `--set` included."""
    values = configuration.document.values
    text = "".join(f"{toml_key(key)} = {toml_value(_plain(value))}\n" for key, value in values.items())

    return {FILE: str(configuration.file.absolute()), CONFIGURATION: text}


def read_recorded(text: str, file: str, catalog: Catalog, overrides: Sequence[str] = ()) -> Configuration:
    """Read a configuration as the row of a run has it. ConfigurationError where it is none any more.

    `overrides` are `key=value`, laid over it.
    """
    found = read_back(text, file, catalog, overrides)

    if not isinstance(found, Configuration):
        raise ConfigurationError(found)

    return attrs.evolve(found, file=Path(file))


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever a file holds
    if isinstance(value, str) and "://" in value:
        return address_words(value)

    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}

    return [_plain(one) for one in value] if isinstance(value, list) else value
