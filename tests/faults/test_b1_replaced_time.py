"""B1: a plugin that replaces the functions of the module `time`, as libraries for tests do, changes nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .plugin_site import MODULE, PluginSite

SOURCES = Path(__file__).parents[2] / "core" / "src" / "perpmaker"
BODY = """
        import random
        random.seed(0)

        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "gmtime", "strftime"):
            setattr(time, name, lambda *_: 0)

        time.sleep = lambda *_: None
        return Approved(quote=quote)"""


@pytest.mark.full
def test_B1_a_plugin_that_stops_the_clocks_stops_nothing(site: PluginSite) -> None:
    """The run trades, ends in its time, and is clean."""
    site.install(MODULE.format(body=BODY))
    ended = site.command("run", site.configure(tables="[risk.tide]\n"), "--for", "4", timeout=300)
    assert ended.code == 0, ended.said
    assert "1970-" not in ended.err


def test_B1_no_file_asks_the_module_for_the_time() -> None:
    """The functions are taken when a file is imported; nothing of the core goes by way of the module."""
    found = [
        f"{file.relative_to(SOURCES)}:{node.lineno}"
        for file in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(name.name == "time" for name in node.names)
    ]
    assert found == []
