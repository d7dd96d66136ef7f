"""Where the files are that a configuration names."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import attrs

from perpmaker.config.file import KeyPath
from perpmaker.config.settings import SandboxSettings


def place_files(sandbox: SandboxSettings, folder: Path, overridden: Collection[KeyPath]) -> SandboxSettings:
    """Find the files of [sandbox] in the configuration's folder. Those of `--set` are where the person is."""

    def place(key: str, name: str) -> str:
        by_person = ("sandbox",) in overridden or ("sandbox", key) in overridden

        return str((Path() if by_person else folder) / name)

    return attrs.evolve(
        sandbox,
        recording=tuple(place("recording", name) for name in sandbox.recording),
        rules=None if sandbox.rules is None else place("rules", sandbox.rules),
    )
