"""What a person has typed or pasted where something else belongs, as a message may repeat it: it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

_RUN = re.compile(r"[A-Za-z0-9+/=]{24,}")
_IN_ADDRESS = re.compile(r"(?<=//)[^/\s]*(?=@)|(?<=[?#])\S+")
"""Name and password of an address, its query and what follows: keys stand in each."""


def looks_secret(text: str) -> bool:
    """Return whether a text has so long a run of letters and digits that it is no word."""
    return any(re.search("[0-9]", run) and re.search("[A-Za-z]", run) for run in _RUN.findall(text))


def key_words(key: str) -> str:
    """Return a part of a key as a message may show it.

    One that can only be a secret, pasted into the wrong place, is not.
    """
    if looks_secret(key):
        return f"({len(key)} characters that are no word)"

    return key if key and key.isprintable() else f'"{ascii(key)[1:-1]}"'


def option_words(text: str, keys: Collection[str]) -> str:
    """Return the text of an option that has no `key=value` in it: shown only where it is one of the file's `keys`."""
    key = text.strip()

    if not key or key in keys:
        return repr(key)

    return f"({len(text)} characters, not shown in case they are a secret)"


def address_words(url: str) -> str:
    """Return an address without its name, password, query and fragment.

    Something that is none is not shown at all.
    """
    if "://" not in url and ("@" in url or looks_secret(url)):
        return "(a text that is not shown, in case it is a secret)"

    return _IN_ADDRESS.sub("...", url)


def file_words(path: Path) -> str:
    """Return the name of a file that cannot be read, where it is one. A secret in its place is not shown."""
    if not looks_secret(path.name) or path.suffix == ".toml":
        return str(path)

    return str(path.with_name(f"({len(path.name)} characters that are no word)"))
