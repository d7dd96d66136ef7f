"""The pytest plugin that comes with perpmaker: fixtures for tests on virtual time. Imports nothing until used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

# The suite's assertions say what they compared, as those of a test module do.
pytest.register_assert_rewrite("perpmaker.testing.contract")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--abilities`."""
    parser.addoption(
        "--abilities",
        metavar="FILE",
        help="write what each connector can do, as the contract suite finds it in this run",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let the table be written where it is asked for; a process of many that run the tests writes none."""
    if (file := config.getoption("--abilities")) and not hasattr(config, "workerinput"):
        from perpmaker.testing.contract.abilities_table import TableWriter  # noqa: PLC0415  # see below

        config.pluginmanager.register(TableWriter(Path(file)))


@pytest.fixture
def virtual_time() -> tuple[str, dict[str, Any]]:
    """An anyio backend on virtual time; return it from a module's `anyio_backend` fixture."""
    from perpmaker.testing.virtual import virtual_backend  # noqa: PLC0415  # pytest loads this module always

    return virtual_backend()


@pytest.fixture
def virtual_asyncio() -> tuple[str, dict[str, Any]]:
    """An anyio backend on virtual time, of asyncio's event loop."""
    from perpmaker.testing.virtual import virtual_asyncio as backend  # noqa: PLC0415  # see above

    return backend()


@pytest.fixture
def virtual_trio() -> tuple[str, dict[str, Any]]:
    """An anyio backend on virtual time, of trio's event loop."""
    from perpmaker.testing.virtual import virtual_trio as backend  # noqa: PLC0415  # see above

    return backend()
