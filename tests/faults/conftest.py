from __future__ import annotations

from pathlib import Path

import pytest

from .plugin_site import PluginSite


@pytest.fixture
def site(
    tmp_path: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> PluginSite:
    """A folder for plugins of one test."""
    return PluginSite(tmp_path, sandbox_url, monkeypatch, capsys)
