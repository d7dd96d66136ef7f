from __future__ import annotations

from pathlib import Path

import pytest

from .plugin_site import PluginSite
from .venue_site import BINANCE, VENUES


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker that chooses venues for the default run."""
    config.addinivalue_line("markers", "also_on(name, ...): venues beside Binance that it runs on without --full")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test of a `venue` all three: Binance, what `also_on` names, and with --full the others."""
    if "venue" not in metafunc.fixturenames:
        return

    chosen = {BINANCE.name, *(name for mark in metafunc.definition.iter_markers("also_on") for name in mark.args)}
    values = [pytest.param(one, marks=() if one.name in chosen else pytest.mark.full) for one in VENUES]
    metafunc.parametrize("venue", values, ids=str)


@pytest.fixture
def site(
    tmp_path: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> PluginSite:
    """A folder for plugins of one test."""
    return PluginSite(tmp_path, sandbox_url, monkeypatch, capsys)
