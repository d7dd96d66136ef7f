"""Canaries: secrets that are known to a test, searched for in everything that the program has written.

A secret leaks in many forms: as it is, in a URL, in base64 in the middle of something longer, in hex, in JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

STATE_DIRECTORIES: Final = frozenset(
    {"journal", "log", "last", "report", "findings", "hold", "lock", "control", "history"}
)
"""Directories of the state directory: whatever is in them was written by the program."""

STATE_FILES: Final = ("traceback-*.txt", "stacks-*.txt", "unsaid-*.txt")
"""Files of the program beside them, or with temporary files."""

SHORTEST: Final = 12
"""Characters of a form below which it may stand in a text by chance."""


def forms(secret: str) -> frozenset[bytes]:
    """Return the forms in which a secret may stand in a text. Of base64 what does not depend on its surroundings."""
    raw = secret.encode()
    texts = {
        secret,
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        raw.hex(),
        raw.hex().upper(),
        secret[::-1],
    }

    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            whole = encode(b"\0" * shift + raw).decode().rstrip("=")
            texts.add(whole[4 if shift else 0 : -4])

    return frozenset(text.encode() for text in texts if len(text) >= SHORTEST)


class Canaries:
    """Secrets by what they are called, in every form."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = [(name, form) for name, secret in secrets.items() for form in sorted(forms(secret))]

    def found_in(self, content: bytes) -> Iterator[str]:
        """Yield the names of the secrets that stand in a content."""
        yield from dict.fromkeys(name for name, form in self._forms if form in content)

    def found_below(self, folder: Path) -> Iterator[str]:
        """Yield `file: name` for each file below a folder that the program wrote, and a secret in it."""
        for path in written_below(folder):
            for name in self.found_in(path.read_bytes()):
                yield f"{path.relative_to(folder)}: {name}"


def written_below(folder: Path) -> Iterable[Path]:
    """Return the files below a folder that are of a state directory, or tracebacks and last words of the program."""
    files = {path for path in folder.rglob("*") if STATE_DIRECTORIES.intersection(path.parts[:-1])}

    for pattern in STATE_FILES:
        files.update(folder.rglob(pattern))

    return sorted(path for path in files if path.is_file() and not path.is_symlink())
