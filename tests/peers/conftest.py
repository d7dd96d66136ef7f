"""The mark `peer`: tests that install clients of other people, which nothing but `-m peer` runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# What a script imports stands beside it, and so does what these tests import.
sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    """Add the mark."""
    config.addinivalue_line("markers", "peer: a client of other people has a session; only with -m peer")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out of every run that does not name the mark, `--full` too."""
    if "peer" in config.option.markexpr:
        return

    left_out = [item for item in items if item.get_closest_marker("peer")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
