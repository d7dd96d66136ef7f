from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .plugin_site import PluginSite


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox that serves for all tests which only look at it."""
    words = [sys.executable, "-m", "perpmaker", "sandbox", "binance_perpetual", "--json", "--until-stdin-closes"]
    environment = {**os.environ, "PERPMAKER_HOME": str(tmp_path_factory.mktemp("sandbox"))}
    pipe = subprocess.PIPE

    with subprocess.Popen([*words, "--seed", "1"], stdin=pipe, stdout=pipe, text=True, env=environment) as process:  # noqa: S603
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        process.communicate()


@pytest.fixture
def site(tmp_path: Path, sandbox_url: str) -> PluginSite:
    """A folder for plugins of one test."""
    return PluginSite(tmp_path, sandbox_url)
