"""Tracebacks for the authors of plugins: in a file that only we can read, never on the terminal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import gmtime, strftime

import attrs

from perpmaker.errors import PluginFaultError

MOST = 20
"""Of one run: a stream that fails in new ways again and again fills no disk."""


@attrs.define
class Tracebacks:
    """Keeps the tracebacks of one run in a folder (None: nowhere), each text once, and tells where they are."""

    folder: Path | None
    tell: Callable[[str], None]
    _kept: set[str] = attrs.field(factory=set, init=False)

    def keep(self, fault: PluginFaultError) -> None:
        """Write the traceback of a fault, unless it is known. Tell one without a traceback once."""
        if not fault.detail:
            self._tell_once(str(fault))
            return

        if self.folder is None or fault.detail in self._kept or len(self._kept) >= MOST:
            return

        self._kept.add(fault.detail)
        path = write_traceback(self.folder, fault.detail)
        fault.kept_in = "" if path is None else str(path)
        self.tell(f"{fault}; its traceback {f'is in {path}' if path else 'could not be written'}")

    def _tell_once(self, text: str) -> None:
        if text not in self._kept and len(self._kept) < MOST:
            self._kept.add(text)
            self.tell(text)


def write_traceback(folder: Path, text: str) -> Path | None:
    """Write a text to a new file of the folder. None when that is not possible."""
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime())

    try:
        descriptor, name = tempfile.mkstemp(prefix=f"traceback-{stamp}-", suffix=".txt", dir=folder)

        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return None

    return Path(name)
