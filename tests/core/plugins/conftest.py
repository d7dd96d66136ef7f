"""Distributions with real metadata, made for one test and put on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import attrs
import pytest

from perpmaker.plugins.loading import LoadedPlugin, load_plugins

HEADER = """
import attrs
from perpmaker import PriceSourceDeclaration, RiskModuleDeclaration, hookimpl

__plugin_api__ = 1

@attrs.frozen(kw_only=True)
class Settings:
    pass

def source(name="tide", **changes):
    given = {"summary": "Tide", "settings": Settings, "open": print, "price_types": ("mid_price",)}
    return PriceSourceDeclaration(name=name, **(given | changes))
"""


@attrs.frozen
class Site:
    """A folder on the path into which distributions are installed."""

    root: Path

    def install(self, body: str, *, name: str = "tide", value: str = "", entry_points: str = "") -> None:
        """Install the distribution `perpmaker-NAME` 1.0, whose entry point NAME leads to a module with this body."""
        module = f"perpmaker_{name}_of_this_test"
        (self.root / f"{module}.py").write_text(HEADER + dedent(body), encoding="utf-8")
        metadata = self.root / f"perpmaker_{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: perpmaker-{name}\nVersion: 1.0\n", encoding="utf-8"
        )
        listing = entry_points or f"[perpmaker]\n{name} = {value or module}\n"
        (metadata / "entry_points.txt").write_text(listing, encoding="utf-8")

    def plugin(self, name: str = "tide") -> LoadedPlugin:
        """What became of an installed plugin."""
        return next(plugin for plugin in load_plugins({}) if plugin.name == name)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty folder on the path; what was imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)

    yield Site(tmp_path)

    for name in [name for name in sys.modules if name.endswith("_of_this_test")]:
        del sys.modules[name]
